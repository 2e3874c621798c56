import { useNavigate, useSearch } from "@tanstack/react-router";

/** The zoom of a page's charts lives in its address, so that a link shows what one saw. */
export function useRolloutZoom(): {
  zoom: { from: number; to: number } | null;
  setZoom: (zoom: { from: number; to: number } | null) => void;
} {
  const { from, to } = useSearch({ from: "/shell/rollouts/$rolloutId" });
  const navigate = useNavigate({ from: "/rollouts/$rolloutId" });
  return {
    zoom: from !== undefined && to !== undefined ? { from, to } : null,
    setZoom: (zoom) =>
      void navigate({
        search: (old) => ({
          ...old,
          from: zoom ? Math.round(zoom.from * 10) / 10 : undefined,
          to: zoom ? Math.round(zoom.to * 10) / 10 : undefined,
        }),
        replace: true,
        resetScroll: false,
      }),
  };
}

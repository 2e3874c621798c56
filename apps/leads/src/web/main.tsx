import { FlagsProvider } from "@latchkey/flags-sdk/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Crm } from "./Crm.tsx";
import { openPageFlags } from "./flags.ts";
import { LeadDetail } from "./LeadDetail.tsx";
import { LeadForm } from "./LeadForm.tsx";
import "./style.css";

function Page() {
  const [, section, id] = location.pathname.split("/");
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <a className="brand" href="/">
          Hidden Key Investments
        </a>
        <nav aria-label="Main">
          <a href="/" aria-current={section === "" ? "page" : undefined}>
            Sell
          </a>
          <a href="/crm" aria-current={section === "crm" ? "page" : undefined}>
            Leads
          </a>
        </nav>
      </header>
      <main id="main">{section === "crm" ? id ? <LeadDetail id={id} /> : <Crm /> : <LeadForm />}</main>
    </>
  );
}

const flags = openPageFlags();
const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <FlagsProvider flags={flags}>
        <Page />
      </FlagsProvider>
    </StrictMode>,
  );

/* Jobs as they change: server-sent events, or asking every two seconds where these do not come through (a proxy). */
import { api } from "./eye.js";

const ASK_MS = 2000;
const PATIENCE = 2; // streams that failed in a row before it is asked instead

/* live({ id, job: (row) => {}, gone: (id) => {}, lost: (yes) => {} }) */
export function live({ id = null, job, gone, lost }) {
  let source = null;
  let failures = 0;
  let asking = null;

  function listen() {
    source = new EventSource(`/api/v1/jobs/events${id ? `?id=${encodeURIComponent(id)}` : ""}`);
    source.addEventListener("open", () => { failures = 0; lost(false); });
    source.addEventListener("job", (event) => job(JSON.parse(event.data)));
    source.addEventListener("gone", (event) => gone(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      failures += 1;
      if (source.readyState === EventSource.CLOSED || failures > PATIENCE) {
        source.close();
        source = null;
        ask();
      }
    });
  }

  async function ask() {
    asking = null;
    try {
      if (id) job(await api(`jobs/${id}`, { quiet: true }));
      else for (const one of (await api("jobs", { params: { limit: 100 }, quiet: true })).items.reverse()) job(one);
      lost(false);
    } catch (error) {
      if (id && error.status === 404) {
        gone(id);
        return;
      }
      lost(error.status === 0);
    }
    if (!document.hidden) asking = setTimeout(ask, ASK_MS);
  }

  /* A page that nobody sees holds no connection: browsers allow six to a server. */
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      clearTimeout(asking);
      source = asking = null;
    } else if (!source && !asking) {
      failures = 0;
      listen();
    }
  });
  listen();
}

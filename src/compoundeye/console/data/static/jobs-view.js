/* A job in words and parts, the same in the list and on its own page. */
import { ago, api, ask, duration, h, number, rate } from "./eye.js";

const KINDS = { running: "accent", stopping: "doubt", done: "good", stopped: "", failed: "wrong", killed: "wrong" };

const AGAIN = { done: "Run again", failed: "Try again", stopped: "Resume", killed: "Resume" };

export const alive = (job) => job.state === "running" || job.state === "stopping";

export function badge(job) {
  return h("span", { class: `badge ${KINDS[job.state]}` }, job.state);
}

export function drawBar(bar, job) {
  const step = job.progress;
  bar.hidden = !alive(job);
  if (bar.hidden) return;
  if (step && step.total !== null) {
    bar.max = Math.max(1, step.total);
    bar.value = step.total ? step.done : 1;
  } else {
    bar.removeAttribute("value");
  }
}

/* 1,204 of 9,000 pictures, 310 pictures/s, 0:25 left */
export function words(job) {
  if (job.error) return job.error;
  if (job.state === "done" && job.outcome) return told(job.outcome, job.kind);
  const step = job.progress;
  if (!step) return alive(job) ? (job.kind === "watch" ? "watching" : "beginning") : `ended ${ago(job.ended)}`;
  const parts = [step.total === null ? `${number(step.done)} ${step.unit}` : `${number(step.done)} of ${number(step.total)} ${step.unit}`];
  if (alive(job)) {
    if (step.rate) parts.push(rate(step.rate, step.unit));
    if (step.left_s) parts.push(`${duration(step.left_s)} left`);
  }
  return parts.join(", ");
}

function told(outcome, kind) {
  const parts = [`${number(outcome.done)} ${kind === "ingest" ? "stored" : "labelled"}`];
  for (const name of ["duplicate", "abstained", "failed"]) {
    if (outcome[name]) parts.push(`${number(outcome[name])} ${name}`);
  }
  if (outcome.known) parts.push(`${number(outcome.known)} known before`);
  return parts.join(", ");
}

/* What can be done with it now; `changed` gets the job as the server then has it, `forgotten` nothing. */
export function actions(job, changed, forgotten) {
  const send = (path, title) => async (event) => {
    event.currentTarget.disabled = true;
    try {
      changed(await api(`jobs/${job.id}/${path}`, { method: "POST" }));
    } catch {
      event.target.disabled = false; // why is told in a message
    }
  };
  const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, onclick, "aria-label": `${text}: ${job.title}` }, text);
  const end = async () => {
    const text = "Its processes end at once. What is in the corpus stays whole, and resuming does what is left.";
    if (await ask({ title: "Kill this job?", text, action: "Kill", danger: true })) {
      changed(await api(`jobs/${job.id}/stop`, { method: "POST", params: { kill: true } }));
    }
  };
  const forget = async () => {
    const text = "Its account and log go. What it did to the corpus stays.";
    if (await ask({ title: "Forget this job?", text, action: "Forget", danger: true })) {
      await api(`jobs/${job.id}`, { method: "DELETE" });
      forgotten();
    }
  };
  if (job.state === "running") return [button("Stop", send("stop"))];
  if (job.state === "stopping") return [button("Kill", end, "danger")];
  return [button(AGAIN[job.state], send("resume")), button("Forget", forget, "quiet")];
}

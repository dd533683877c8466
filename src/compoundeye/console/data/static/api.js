/* Talking to /api/v1: JSON there and back, one error class, the header that other sites cannot send. */
import { say } from "./say.js";

export class ApiError extends Error {
  constructor(status, message, told = {}) {
    super(message);
    this.status = status;
    this.told = told; // all that the server said
  }
}

/* { a: 1, b: null, c: ["x", "y"] } as a=1&c=x&c=y: what is null, undefined or "" is left out. */
export function query(params) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") found.append(name, one);
    }
  }
  return found.toString();
}

export async function api(path, { method = "GET", params, body, form, signal, quiet = false } = {}) {
  const asked = query(params);
  const headers = { Accept: "application/json", "X-CompoundEye": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const response = await answer(`/api/v1/${path}${asked ? `?${asked}` : ""}`, {
      method, headers, signal, body: body === undefined ? form : JSON.stringify(body),
    });
    if (response.ok) return response.status === 204 ? null : await response.json();
    throw await failure(response);
  } catch (error) {
    if (error.name !== "AbortError" && !quiet) say(error.message, { kind: "wrong" });
    throw error;
  }
}

/* Bytes rather than JSON: the response, or null if there is nothing new (204). */
export async function bytesOf(path, { params, signal } = {}) {
  const asked = query(params);
  const response = await answer(`/api/v1/${path}${asked ? `?${asked}` : ""}`, { headers: { "X-CompoundEye": "1" }, signal });
  if (response.status === 204) return null;
  if (!response.ok) throw await failure(response);
  return response;
}

async function answer(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is eye console still running?");
  }
}

async function failure(response) {
  const told = await response.json().catch(() => ({}));
  if (response.status === 401 && location.pathname !== "/login") {
    location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
  }
  return new ApiError(response.status, sentence(told.error ?? `the server answered ${response.status}`), told);
}

/* The API tells errors as programs quote them, without a capital and a stop. */
function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (/[.?!)]$/.test(text) ? "" : ".");
}

export function follow(path, handlers) {
  const source = new EventSource(`/api/v1/${path}`);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }
  return () => source.close();
}

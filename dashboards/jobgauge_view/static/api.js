// What is asked of the viewer's own server; there is no other.

const PATIENCE = 150_000; // ms, longer than the gateway's own

/** Something that was not answered, with a sentence for the reader. */
export class Unanswered extends Error {}

async function ask(path, options = {}) {
  const timeout = AbortSignal.timeout(PATIENCE);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let answer, body;
  try {
    answer = await fetch(path, { ...options, signal, cache: "no-store", redirect: "error" });
    body = await answer.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (timeout.aborted) throw new Unanswered("No answer came in time. Choose a shorter time range, or try again.");
    if (answer) throw new Unanswered(`The answer broke off, or is none (status ${answer.status}). Try again.`);
    throw new Unanswered("The viewer does not answer. Does it still run? Is the network there?");
  }
  if (!answer.ok || body?.status === "error") {
    throw new Unanswered(body?.error ?? `The answer has status ${answer.status} and says nothing more.`);
  }
  return body;
}

export const session = () => ask("/api/session");
export const boards = () => ask("/api/boards");
export const board = (uid) => ask(`/api/boards/${encodeURIComponent(uid)}`);

export function choose(login) {
  const headers = { "Content-Type": "application/json" };
  return ask("/api/session", { method: "POST", headers, body: JSON.stringify({ login }) });
}

export const leave = () => ask("/api/session", { method: "DELETE" });

/** Ask the gateway a call of the Prometheus API; return its data. */
export async function prometheus(call, parameters, signal) {
  const form = new URLSearchParams(parameters);
  const get = call.startsWith("label/") || call === "whoami";
  const path = `/api/prom/api/v1/${call}`;
  const body = await (get ? ask(`${path}?${form}`, { signal }) : ask(path, { method: "POST", body: form, signal }));
  return body.data;
}

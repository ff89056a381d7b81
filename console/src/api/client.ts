/** The typed client over the generated schema: CSRF and idempotency headers, and problems as thrown errors. */
import createClient from "openapi-fetch";
import type { paths } from "@/api/schema.gen";
import { ApiError, toProblem, unreachable } from "@/api/problem";

let csrfToken = "";

export function rememberCsrfToken(token: string): void {
  csrfToken = token;
}

/** Headers of a request that changes something; a fresh idempotency key for each call. */
export function changeHeaders(): Record<string, string> {
  return { "X-CSRF-Token": csrfToken, "Idempotency-Key": randomKey() };
}

/** `crypto.randomUUID` exists only on secure origins; a console on plain HTTP in a LAN has none. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

api.use({
  onRequest({ request }) {
    if (request.method === "GET") return undefined;
    for (const [name, value] of Object.entries(changeHeaders())) request.headers.set(name, value);
    return request;
  },
});

type Answer<Data> = { data?: Data; error?: unknown; response: Response };

/** The body of a call, or an `ApiError`. */
export async function take<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (!answer.response.ok) {
    const requestId = answer.response.headers.get("x-request-id");
    throw new ApiError(toProblem(answer.response.status, answer.error, requestId));
  }
  return answer.data as Data;
}

/** The typed client over the generated schema: CSRF and idempotency headers, and problems as thrown errors. */
import createClient from "openapi-fetch";
import { OpenKeys } from "@/api/open-keys";
import type { paths } from "@/api/schema.gen";
import { ApiError, toProblem, unreachable } from "@/api/problem";

let csrfToken = "";

export function rememberCsrfToken(token: string): void {
  csrfToken = token;
}

/** Headers of a request that changes something. */
export function changeHeaders(key: string = randomKey()): Record<string, string> {
  return { "X-CSRF-Token": csrfToken, "Idempotency-Key": key };
}

/** `crypto.randomUUID` exists only on secure origins; a console on plain HTTP in a LAN has none. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });
const keys = new OpenKeys(randomKey);

api.use({
  async onRequest({ request, id }) {
    if (request.method === "GET") return undefined;
    const asked = `${request.method} ${request.url} ${await bodyOf(request)}`;
    for (const [name, value] of Object.entries(changeHeaders(keys.of(asked, id)))) request.headers.set(name, value);
    return request;
  },
  onResponse({ response, id }) {
    if (response.status < 500) keys.answered(id);
  },
});

/** What is asked, and not how a form was cut: its boundary is drawn anew each time. */
async function bodyOf(request: Request): Promise<string> {
  const text = await request.clone().text();
  const boundary = /boundary=([^;]+)/.exec(request.headers.get("content-type") ?? "")?.[1];
  return boundary ? text.replaceAll(boundary, "") : text;
}

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

import { ApiError, toProblem, unreachable } from "@/api/problem";

/** Saves what an address answers as a file on the device. A refusal is thrown instead of being saved under its name. */
export async function saveFile(url: string, name: string): Promise<void> {
  const response = await fetch(url, { credentials: "same-origin", cache: "no-store" }).catch(() => {
    throw unreachable();
  });
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null);
    throw new ApiError(toProblem(response.status, body, response.headers.get("x-request-id")));
  }
  const href = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement("a"), { href, download: name });
  link.click();
  URL.revokeObjectURL(href);
}

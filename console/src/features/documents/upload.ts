/** Uploads one file with progress. XMLHttpRequest, because fetch can't tell how much has been sent. */
import { changeHeaders } from "@/api/client";
import { ApiError, toProblem, unreachable } from "@/api/problem";
import type { Document } from "@/api/types";

/** `key`: what is sent again under it after its answer was lost makes one document. */
export type Upload = { file: File; collectionId: string; key: string; signal: AbortSignal; onProgress: (sent: number) => void };

export function uploadDocument({ file, collectionId, key, signal, onProgress }: Upload): Promise<Document> {
  const form = new FormData();
  form.append("collection_id", collectionId);
  form.append("file", file);
  return send("POST", "/api/v1/documents", form, { key, signal, onProgress });
}

/** A new version of a document's file; the document stays the same. What is sent again under its key is one version. */
export function replaceFile(documentId: string, file: File, key: string): Promise<Document> {
  const form = new FormData();
  form.append("file", file);
  return send("PUT", `/api/v1/documents/${encodeURIComponent(documentId)}/content`, form, { key });
}

type Sending = Pick<Upload, "key"> & Partial<Pick<Upload, "signal" | "onProgress">>;

function send(method: string, url: string, form: FormData, { key, signal, onProgress }: Sending): Promise<Document> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "json";
    for (const [name, value] of Object.entries(changeHeaders(key))) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onProgress?.(event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response as Document);
      else reject(new ApiError(toProblem(request.status, request.response, request.getResponseHeader("x-request-id"))));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("Upload stopped", "AbortError")));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

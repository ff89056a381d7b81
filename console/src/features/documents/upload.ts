/** Uploads one file with progress. XMLHttpRequest, because fetch can't tell how much has been sent. */
import { changeHeaders } from "@/api/client";
import { ApiError, toProblem, unreachable } from "@/api/problem";
import type { Document } from "@/api/types";

type Upload = { file: File; collectionId: string; signal: AbortSignal; onProgress: (sent: number) => void };

export function uploadDocument({ file, collectionId, signal, onProgress }: Upload): Promise<Document> {
  const form = new FormData();
  form.append("collection_id", collectionId);
  form.append("file", file);
  return send("POST", "/api/v1/documents", form, signal, onProgress);
}

/** A new version of a document's file; the document stays the same. */
export function replaceFile(documentId: string, file: File): Promise<Document> {
  const form = new FormData();
  form.append("file", file);
  return send("PUT", `/api/v1/documents/${encodeURIComponent(documentId)}/content`, form);
}

function send(method: string, url: string, form: FormData, signal?: AbortSignal, onProgress?: (sent: number) => void): Promise<Document> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "json";
    for (const [name, value] of Object.entries(changeHeaders())) request.setRequestHeader(name, value);
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

/** What the person can do about a refused file. */
export function uploadAdvice(status: number): string {
  if (status === 413) return "Split the file, or ask an administrator to raise the upload limit.";
  if (status === 415) return "Save it as PDF, an Office format, HTML, Markdown or plain text and upload that.";
  if (status === 422) return "Open the file to check that it is whole and not protected, then upload it again.";
  if (status === 403) return "Ask for write access to this collection, or choose another one.";
  if (status === 409) return "The same file is already here; delete that one first if this should replace it.";
  return "The other files are kept. Try this one again.";
}

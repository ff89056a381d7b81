/** What kinds of documents there are: names of media types and languages, as people say them. */
import type { Document } from "@/api/types";

const TYPES: Record<string, string> = {
  "application/pdf": "PDF",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
  "application/epub+zip": "EPUB",
  "application/json": "JSON",
  "application/jsonl": "JSON Lines",
  "application/x-ndjson": "JSON Lines",
  "application/vnd.ms-outlook": "Outlook mail",
  "application/zip": "ZIP",
  "application/x-subrip": "Transcript (SRT)",
  "message/rfc822": "Mail",
  "text/csv": "CSV",
  "text/html": "HTML",
  "text/markdown": "Markdown",
  "text/plain": "Plain text",
  "text/vtt": "Transcript (VTT)",
};

export const typeName = (mediaType: string): string => TYPES[mediaType] ?? mediaType;

const names = new Intl.DisplayNames("en", { type: "language", fallback: "code" });

export function languageName(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Pages are drawn from the file itself, which is possible for PDF. */
export const hasPageImages = ({ media_type, page_count }: Document): boolean => media_type === "application/pdf" && page_count > 0;

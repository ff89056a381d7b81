/** What addresses say after their path, typed. */
import { z } from "zod";

/** A parameter that someone mangled counts as absent. */
export const loose = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);
export const word = loose(z.string());
export const count = loose(z.number().int().nonnegative());
export const day = loose(z.iso.date());

/** A place in a document, and how it is looked at. */
export const place = { document: word, start: count, end: count, view: loose(z.enum(["page", "text", "why"])) };

export const documentsSearch = z.object({
  collection: word,
  status: loose(z.enum(["queued", "processing", "ready", "rejected", "deleted"])),
  type: word,
  language: word,
  source: word,
  since: day,
  until: day,
  words: word,
  sort: loose(z.enum(["newest", "oldest", "name", "dated", "size", "updated"])),
});

export const documentSearch = z.object({
  tab: loose(z.enum(["chunks", "pages", "text", "report", "access"])),
  page: count,
  start: count,
  end: count,
  person: word,
});

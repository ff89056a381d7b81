/** Names of what records speak of. Records keep open objects, as they were written. */
import type { AuditRecord } from "@/api/types";
import { humanise, shortHash } from "@/lib/format";

const textOf = (thing: Record<string, unknown>, key: string): string => (typeof thing[key] === "string" ? thing[key] : "");

export const actorId = ({ actor }: AuditRecord): string => textOf(actor, "id");

export function actorName({ actor }: AuditRecord): string {
  return textOf(actor, "email") || nameless(actor);
}

export function resourceName({ resource }: AuditRecord): string {
  return resource ? textOf(resource, "name") || nameless(resource) : "";
}

function nameless(thing: Record<string, unknown>): string {
  return `${humanise(textOf(thing, "type"))} ${shortHash(textOf(thing, "id"))}`.trim();
}

/** "DATA_INGEST" → "Data ingest" */
export const eventName = (type: string): string => humanise(type.toLowerCase());

/** Says in words who may read a document and why. */
import type { AccessPath, Reader } from "@/api/types";

export const whom = ({ principal, group }: Pick<AccessPath, "principal" | "group">, name: string): string => {
  if (principal === "everyone") return "everyone";
  return principal.startsWith("group:") ? `the group ${group ?? "that was deleted"}` : name;
};

/** "Allowed to everyone, on the collection" */
export function pathWords(path: AccessPath, reader: Pick<Reader, "name" | "email">): string {
  const verb = path.effect === "deny" ? "Denied" : "Allowed";
  return `${verb} to ${whom(path, reader.name || reader.email)}, on the ${path.on}`;
}

export function verdictWords({ verdict }: Pick<Reader, "verdict">): string {
  switch (verdict) {
    case "allowed":
      return "May read it";
    case "denied":
      return "May not read it: a deny beats every allow";
    case "no_grant":
      return "May not read it: no grant opens it to them";
    case "no_permission":
      return "May not read it: their roles don’t let them read documents";
    case "disabled":
      return "May not read it: they can’t sign in";
  }
}

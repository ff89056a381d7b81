import { expect, test } from "vitest";
import { languageName, typeName } from "@/features/documents/kinds";

test.each([
  ["application/pdf", "PDF"],
  ["message/rfc822", "Mail"],
  ["application/x-unheard-of", "application/x-unheard-of"],
])("%s is called %s", (type, name) => expect(typeName(type)).toBe(name));

test("languages go by their names, and what isn't a code by itself", () => {
  expect(languageName("de")).toBe("German");
  expect(languageName("not a code")).toBe("not a code");
});

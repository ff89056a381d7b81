import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const platform = process.env["SECRETARIAT_URL"] ?? "http://127.0.0.1:8000";
const proxied = ["/api", "/v1", "/auth"];

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../platform/console/static",
    emptyOutDir: true,
    // The content security policy allows no data: URLs for scripts and fonts.
    assetsInlineLimit: 0,
    target: "es2022",
  },
  server: { proxy: Object.fromEntries(proxied.map((path) => [path, { target: platform }])) },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "@/api/problem";
import { TooltipProvider } from "@/components/ui/tooltip";
import { makeRouter } from "@/router";
import "@/styles/app.css";

/** The one place that answers a lost session: sign in, then come back here. */
function onError(error: unknown): void {
  if (!(error instanceof ApiError) || error.status !== 401) return;
  const { href, pathname } = router.state.location;
  if (pathname === "/sign-in") return;
  cache.clear();
  void router.navigate({ to: "/sign-in", search: { next: href } });
}

const cache = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  // The service may be on this very machine or network, whatever the browser thinks of its way to the internet:
  // a request is made and fails, rather than wait for that unseen.
  defaultOptions: {
    // Each change has a key of its own (api/open-keys.ts) or is the same when made twice.
    mutations: { networkMode: "always", retry: (failures, error) => failures < 1 && error instanceof ApiError && error.status === 0 },
    queries: {
      networkMode: "always",
      refetchOnReconnect: true,
      staleTime: 5000,
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
const router = makeRouter(cache);

const element = document.getElementById("root");
if (!element) throw new Error("the page has no root element");
createRoot(element).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <TooltipProvider delayDuration={250}>
        <RouterProvider router={router} />
      </TooltipProvider>
    </QueryClientProvider>
  </StrictMode>,
);

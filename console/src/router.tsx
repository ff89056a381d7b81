/** Every address of the console, with its search parameters typed. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, Outlet, redirect } from "@tanstack/react-router";
import { z } from "zod";
import { ApiError } from "@/api/problem";
import { NotFound, RouteFailure } from "@/components/layout/route-states";
import { Shell } from "@/components/layout/shell";
import { ConnectionsPage } from "@/features/access/connections-page";
import { KeysPage } from "@/features/access/keys-page";
import { PeoplePage } from "@/features/access/people-page";
import { AdapterPage } from "@/features/adapters/adapter-page";
import { AdaptersPage } from "@/features/adapters/adapters-page";
import { AuditPage } from "@/features/audit/audit-page";
import { RecordDrawer } from "@/features/audit/record-drawer";
import { ChatPage } from "@/features/chat/chat-page";
import { ConversationPage } from "@/features/chat/conversation-page";
import { NewConversation } from "@/features/chat/new-conversation";
import { DocumentDrawer } from "@/features/documents/document-drawer";
import { DocumentsPage } from "@/features/documents/documents-page";
import { EvaluationPage } from "@/features/evaluations/evaluation-page";
import { EvaluationsPage } from "@/features/evaluations/evaluations-page";
import { QuestionDrawer } from "@/features/evaluations/question-drawer";
import { ExportsPage } from "@/features/exports/exports-page";
import { IndexPage } from "@/features/index/index-page";
import { JobsPage } from "@/features/jobs/jobs-page";
import { ModelsPage } from "@/features/models/models-page";
import { SearchPage } from "@/features/search/search-page";
import { sessionQuery } from "@/features/session/api";
import { SignInPage } from "@/features/session/sign-in-page";
import { TaskPage } from "@/features/tasks/task-page";
import { TasksPage } from "@/features/tasks/tasks-page";
import { TrainingJobPage } from "@/features/training/job-page";
import { TrainingPage } from "@/features/training/training-page";
import { count, day, documentSearch, documentsSearch, loose, place, word } from "@/search-params";

const root = createRootRouteWithContext<{ cache: QueryClient }>()({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: z.object({ next: word, tenant: word, error: word }),
  component: SignInPage,
});

/** All pages behind sign-in. */
const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.cache.ensureQueryData(sessionQuery);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
      }
      throw error;
    }
  },
  component: Shell,
  errorComponent: RouteFailure,
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/tasks", search: {} });
  },
});

const tasks = createRoute({
  getParentRoute: () => app,
  path: "/tasks",
  validateSearch: z.object({ status: loose(z.enum(["queued", "running", "completed", "failed", "cancelled"])) }),
  component: TasksPage,
});

const task = createRoute({
  getParentRoute: () => app,
  path: "/tasks/$taskId",
  validateSearch: z.object({ ...place, source: count, call: word, artifact: word }),
  component: TaskPage,
});

const chat = createRoute({ getParentRoute: () => app, path: "/chat", component: ChatPage });
const newConversation = createRoute({ getParentRoute: () => chat, path: "/", component: NewConversation });
const conversation = createRoute({
  getParentRoute: () => chat,
  path: "$conversationId",
  validateSearch: z.object({ ...place, at: word, turn: word, source: count }),
  component: ConversationPage,
});

const documents = createRoute({
  getParentRoute: () => app,
  path: "/documents",
  validateSearch: documentsSearch,
  component: DocumentsPage,
});

const document = createRoute({
  getParentRoute: () => documents,
  path: "$documentId",
  validateSearch: documentSearch,
  component: DocumentDrawer,
});

const search = createRoute({
  getParentRoute: () => app,
  path: "/search",
  validateSearch: z.object({ ...place, q: word, in: loose(z.array(z.string())) }),
  component: SearchPage,
});

const index = createRoute({ getParentRoute: () => app, path: "/index", component: IndexPage });

const evaluations = createRoute({ getParentRoute: () => app, path: "/evaluations", validateSearch: z.object({ tab: loose(z.literal("sets")) }), component: EvaluationsPage });
const evaluation = createRoute({
  getParentRoute: () => app,
  path: "/evaluations/$evaluationId",
  validateSearch: z.object({ order: loose(z.enum(["asked", "worst"])), against: word }),
  component: EvaluationPage,
});
const evaluatedQuestion = createRoute({ getParentRoute: () => evaluation, path: "questions/$questionId", component: QuestionDrawer });

const training = createRoute({ getParentRoute: () => app, path: "/training", component: TrainingPage });
const trainingJob = createRoute({ getParentRoute: () => app, path: "/training/$jobId", component: TrainingJobPage });
const adapters = createRoute({
  getParentRoute: () => app,
  path: "/adapters",
  validateSearch: z.object({ tab: loose(z.literal("comparisons")) }),
  component: AdaptersPage,
});
const adapter = createRoute({ getParentRoute: () => app, path: "/adapters/$adapterId", component: AdapterPage });
const models = createRoute({ getParentRoute: () => app, path: "/models", component: ModelsPage });

const jobs = createRoute({
  getParentRoute: () => app,
  path: "/jobs",
  validateSearch: z.object({
    status: loose(z.enum(["queued", "running", "done", "failed", "cancelled", "quarantined"])),
  }),
  component: JobsPage,
});

const audit = createRoute({
  getParentRoute: () => app,
  path: "/audit",
  validateSearch: z.object({ event_type: word, outcome: word, actor_id: word, task_id: word, from: day, to: day }),
  component: AuditPage,
});

const auditRecord = createRoute({ getParentRoute: () => audit, path: "$recordId", component: RecordDrawer });
const exportsPage = createRoute({ getParentRoute: () => app, path: "/exports", component: ExportsPage });
const people = createRoute({ getParentRoute: () => app, path: "/people", component: PeoplePage });
const keys = createRoute({ getParentRoute: () => app, path: "/keys", component: KeysPage });
const connections = createRoute({ getParentRoute: () => app, path: "/connections", component: ConnectionsPage });

const routeTree = root.addChildren([
  signIn,
  app.addChildren([
    home,
    tasks,
    task,
    chat.addChildren([newConversation, conversation]),
    documents.addChildren([document]),
    search,
    index,
    evaluations,
    evaluation.addChildren([evaluatedQuestion]),
    training,
    trainingJob,
    adapters,
    adapter,
    models,
    jobs,
    audit.addChildren([auditRecord]),
    exportsPage,
    people,
    keys,
    connections,
  ]),
]);

export function makeRouter(cache: QueryClient) {
  return createRouter({ routeTree, context: { cache }, scrollRestoration: true, defaultPreload: false });
}

export type ConsoleRouter = ReturnType<typeof makeRouter>;

declare module "@tanstack/react-router" {
  interface Register {
    router: ConsoleRouter;
  }
}

import { Blocks, Cpu, DatabaseZap, Files, Gauge, GraduationCap, ListChecks, KeyRound, LogIn, MessagesSquare, PackageCheck, ScrollText, Search, Users, Workflow, type LucideIcon } from "lucide-react";
import type { Permission } from "@/features/session/api";

type Destination =
  | "/tasks"
  | "/chat"
  | "/documents"
  | "/search"
  | "/index"
  | "/evaluations"
  | "/training"
  | "/adapters"
  | "/models"
  | "/jobs"
  | "/audit"
  | "/exports"
  | "/people"
  | "/keys"
  | "/connections";
type Entry = { to: Destination; label: string; icon: LucideIcon; needs: Permission };

export const NAVIGATION: { group: string; entries: Entry[] }[] = [
  {
    group: "Work",
    entries: [
      { to: "/tasks", label: "Tasks", icon: ListChecks, needs: "tasks.read" },
      { to: "/chat", label: "Chat", icon: MessagesSquare, needs: "conversations.read" },
    ],
  },
  {
    group: "Knowledge",
    entries: [
      { to: "/documents", label: "Documents", icon: Files, needs: "documents.read" },
      { to: "/search", label: "Search", icon: Search, needs: "documents.read" },
      { to: "/index", label: "Index", icon: DatabaseZap, needs: "collections.manage" },
      { to: "/evaluations", label: "Evaluations", icon: Gauge, needs: "evaluations.manage" },
      { to: "/jobs", label: "Jobs", icon: Workflow, needs: "jobs.read" },
    ],
  },
  {
    group: "Build",
    entries: [
      { to: "/training", label: "Training", icon: GraduationCap, needs: "training.manage" },
      { to: "/adapters", label: "Adapters", icon: Blocks, needs: "training.manage" },
      { to: "/models", label: "Models", icon: Cpu, needs: "models.use" },
    ],
  },
  {
    group: "Govern",
    entries: [
      { to: "/audit", label: "Audit", icon: ScrollText, needs: "audit.read" },
      { to: "/exports", label: "Exports", icon: PackageCheck, needs: "compliance.export" },
    ],
  },
  {
    group: "Administer",
    entries: [
      { to: "/people", label: "People", icon: Users, needs: "users.manage" },
      { to: "/keys", label: "Keys", icon: KeyRound, needs: "keys.manage" },
      { to: "/connections", label: "Sign-in", icon: LogIn, needs: "connections.manage" },
    ],
  },
];

/** The uploads of this sign-in. They go on while one looks at other pages, and end at sign-out. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { readAnew } from "@/api/read-anew";
import { uploadDocument } from "@/features/documents/upload";
import { UploadQueue, type UploadItem } from "@/features/documents/upload-queue";

const Uploads = createContext<UploadQueue | null>(null);

export function UploadsProvider({ children }: { children: ReactNode }) {
  const cache = useQueryClient();
  const [queue] = useState(
    () =>
      new UploadQueue(uploadDocument, () => {
        for (const name of ["documents", "collections"]) void readAnew(cache, [name]);
      }),
  );
  useEffect(() => {
    const askFirst = (event: BeforeUnloadEvent) => queue.isBusy && event.preventDefault();
    window.addEventListener("beforeunload", askFirst);
    return () => {
      window.removeEventListener("beforeunload", askFirst);
      queue.stop();
    };
  }, [queue]);
  return <Uploads value={queue}>{children}</Uploads>;
}

export function useUploads(): { queue: UploadQueue; items: readonly UploadItem[] } {
  const queue = useContext(Uploads);
  if (!queue) throw new Error("uploads are used outside of their provider");
  return { queue, items: useSyncExternalStore(queue.subscribe, queue.snapshot) };
}

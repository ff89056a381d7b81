import { cn } from "@/lib/classes";

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn("h-4 animate-breathe rounded-sm bg-well", className)} />;
}

export function SkeletonLines({ count = 4 }: { count?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3">
      {Array.from({ length: count }, (_, index) => (
        <Skeleton key={index} className={index % 3 === 2 ? "w-2/3" : "w-full"} />
      ))}
    </div>
  );
}

import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { Seal } from "@/components/seal";
import { Empty, Failure } from "@/components/states";
import { Button } from "@/components/ui/button";

export function NotFound() {
  return (
    <main className="mx-auto max-w-[560px] px-4 py-24">
      <Empty
        heading
        title="There is no page at this address"
        action={
          <Button asChild>
            <Link to="/tasks">Go to Tasks</Link>
          </Button>
        }
      >
        It may have been moved, or the link was cut short.
      </Empty>
    </main>
  );
}

export function RouteFailure({ error }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <main className="mx-auto flex max-w-[560px] flex-col items-center gap-6 px-4 py-24">
      <Seal size={44} />
      <Failure error={error} onRetry={() => void router.invalidate()} className="w-full" />
    </main>
  );
}

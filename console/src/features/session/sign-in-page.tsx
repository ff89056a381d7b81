import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate, useRouter } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { problemOf } from "@/api/problem";
import type { SignInOptions } from "@/api/types";
import { usePageTitle } from "@/components/page";
import { Seal } from "@/components/seal";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { signInOptionsQuery, useSignIn } from "@/features/session/api";
import { safeNext } from "@/features/session/next";
import { useSettled } from "@/lib/use-settled";

const route = getRouteApi("/sign-in");
const REMEMBERED = "secretariat.tenant";

export function SignInPage() {
  usePageTitle("Sign in");
  const { next, tenant: given, error } = route.useSearch();
  const [tenant, setTenant] = useState(given ?? localStorage.getItem(REMEMBERED) ?? "");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const options = useQuery(signInOptionsQuery(useSettled(tenant.trim().toLowerCase(), 350)));
  const signIn = useSignIn();
  const router = useRouter();
  const navigate = useNavigate();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const slug = tenant.trim().toLowerCase();
    signIn.mutate(
      { tenant: slug, email: email.trim(), password },
      {
        onSuccess: async () => {
          localStorage.setItem(REMEMBERED, slug);
          await router.invalidate();
          await navigate({ to: safeNext(next), replace: true });
        },
      },
    );
  };

  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="flex w-full max-w-[380px] flex-col gap-7">
        <header className="flex flex-col items-center gap-3 text-center">
          <Seal size={52} />
          <h1 className="text-[22px] leading-7 font-semibold tracking-[-0.01em]">Sign in to Secretariat</h1>
        </header>
        {error && !signIn.isError && <Failure error={new Error(error)} title="Single sign-on did not complete" />}
        {signIn.isError && <SignInFailure error={signIn.error} />}
        <form onSubmit={submit} className="flex flex-col gap-4" aria-label="Sign in">
          <Field label="Workspace" hint="The short name of your organisation">
            {(control) => (
              <Input {...control} name="tenant" value={tenant} onChange={(event) => setTenant(event.target.value)} autoComplete="organization" autoCapitalize="none" spellCheck={false} required />
            )}
          </Field>
          <Field label="E-mail">
            {(control) => (
              <Input {...control} name="email" type="email" value={email} onChange={(event) => setEmail(event.target.value)} autoComplete="username" required />
            )}
          </Field>
          <Field label="Password">
            {(control) => (
              <Input {...control} name="password" type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="current-password" required />
            )}
          </Field>
          <Button type="submit" look="primary" disabled={signIn.isPending} className="mt-1">
            {signIn.isPending ? "Signing in…" : "Sign in"}
          </Button>
        </form>
        <SingleSignOn connections={options.data?.connections ?? []} next={safeNext(next)} />
      </div>
    </main>
  );
}

function SignInFailure({ error }: { error: unknown }) {
  if (problemOf(error).status !== 401) return <Failure error={error} />;
  return (
    <p role="alert" className="rounded-md border border-fail/40 bg-fail-wash px-4 py-3">
      The workspace, e-mail or password is not right.
    </p>
  );
}

function SingleSignOn({ connections, next }: { connections: SignInOptions["connections"]; next: string }) {
  if (connections.length === 0) return null;
  return (
    <section aria-label="Single sign-on" className="flex flex-col gap-3">
      <div className="flex items-center gap-3 text-[13px] text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        or
      </div>
      {connections.map((connection) => (
        <Button key={connection.id} asChild data-testid="sso">
          <a href={`${connection.start_url}?next=${encodeURIComponent(next)}`}>Continue with {connection.name}</a>
        </Button>
      ))}
    </section>
  );
}

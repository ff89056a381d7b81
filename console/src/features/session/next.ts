/** Where to go after sign-in: a path of this console only, so that a crafted link can't send people elsewhere. */
export function safeNext(next: string | undefined): string {
  const isOwnPath = next !== undefined && /^\/(?![/\\])/.test(next) && !next.startsWith("/sign-in");
  return isOwnPath ? next : "/tasks";
}

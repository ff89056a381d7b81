import { useId } from "react";
import { cn } from "@/lib/classes";

const WAX =
  "M12 2.3A2.35 2.35 0 0 1 16.21 3.26A2.35 2.35 0 0 1 19.58 5.95A2.35 2.35 0 0 1 21.46 9.84A2.35 2.35 0 0 1 21.46 14.16A2.35 2.35 0 0 1 19.58 18.05A2.35 2.35 0 0 1 16.21 20.74A2.35 2.35 0 0 1 12 21.7A2.35 2.35 0 0 1 7.79 20.74A2.35 2.35 0 0 1 4.42 18.05A2.35 2.35 0 0 1 2.54 14.16A2.35 2.35 0 0 1 2.54 9.84A2.35 2.35 0 0 1 4.42 5.95A2.35 2.35 0 0 1 7.79 3.26A2.35 2.35 0 0 1 12 2.3Z";
const LETTER =
  "M14.9 9.7C14.4 8.6 13.3 8 12 8 10.3 8 9 8.9 9 10.1 9 13 15 11.2 15 13.9 15 15.1 13.7 16 12 16 10.7 16 9.6 15.4 9.1 14.3";
const CRACK = "13.6,-1 10.4,6.2 13.9,10.4 9.8,14.6 12.8,18.2 11,25";

type SealProps = { state?: "intact" | "broken" | "pending"; size?: number; label?: string; className?: string };

/** The seal: the product's mark, and the sign that a record verifies. Broken and pending differ in shape. */
export function Seal({ state = "intact", size = 20, label, className }: SealProps) {
  const naming = label ? { role: "img", "aria-label": label } : { "aria-hidden": true };
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      data-seal={state}
      className={cn("shrink-0", state === "pending" ? "text-muted" : state === "broken" ? "text-fail" : "text-seal", className)}
      {...naming}
    >
      {state === "intact" && <Whole ring={size >= 28} />}
      {state === "pending" && (
        <path d={WAX} fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray="2.6 2.2" />
      )}
      {state === "broken" && <Broken />}
    </svg>
  );
}

function Whole({ ring }: { ring: boolean }) {
  return (
    <>
      <path d={WAX} fill="currentColor" />
      {ring && <circle cx="12" cy="12" r="7.1" fill="none" stroke="var(--on-seal)" strokeWidth="0.6" />}
      <path d={LETTER} fill="none" stroke="var(--on-seal)" strokeWidth="1.7" strokeLinecap="round" />
    </>
  );
}

function Broken() {
  const id = useId();
  return (
    <>
      <clipPath id={`${id}-left`}>
        <polygon points={`-2,-2 ${CRACK} -2,26`} />
      </clipPath>
      <clipPath id={`${id}-right`}>
        <polygon points={`26,-2 ${CRACK} 26,26`} />
      </clipPath>
      {(["left", "right"] as const).map((side) => (
        <g key={side} transform={side === "left" ? "translate(-1.1 0.7) rotate(-6 12 12)" : "translate(1.1 -0.5) rotate(5 12 12)"}>
          <g clipPath={`url(#${id}-${side})`}>
            <path d={WAX} fill="none" stroke="currentColor" strokeWidth="1.5" />
            <path d={LETTER} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
            <polyline points={CRACK} fill="none" stroke="currentColor" strokeWidth="1.8" />
          </g>
        </g>
      ))}
    </>
  );
}

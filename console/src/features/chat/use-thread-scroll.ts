/** Where the reader of a thread is: at its end, which stays in view, or further up, where earlier turns come. */
import { useCallback, useEffect, useLayoutEffect, useRef, type RefObject } from "react";

const NEAR_END = 80;
const NEAR_START = 600;

export type Earlier = {
  hasNextPage: boolean;
  isFetching: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
};

/** Has earlier turns read when the reader comes near the first, or when the address names one of them. */
export function useEarlier(scroller: RefObject<HTMLDivElement | null>, turns: Earlier, isWanted: boolean) {
  const start = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = turns;
  const isIdle = hasNextPage && !isFetching && !isFetchNextPageError;
  useEffect(() => {
    if (!isIdle || !start.current) return undefined;
    if (isWanted) void fetchNextPage();
    const watch = new IntersectionObserver(([seen]) => seen?.isIntersecting && void fetchNextPage(), {
      root: scroller.current,
      rootMargin: `${NEAR_START}px 0px 0px`,
    });
    watch.observe(start.current);
    return () => watch.disconnect();
  }, [isIdle, isWanted, fetchNextPage, scroller]);
  return start;
}

/** Keeps the end in view while an answer grows, unless the reader has scrolled away; what is read stays put when earlier turns come. */
export function useStickToEnd(first: string | undefined, last: string | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const below = useRef(0);
  const toEnd = useCallback(() => {
    isAtEnd.current = true;
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, []);
  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    below.current = element.scrollHeight - element.scrollTop;
    isAtEnd.current = below.current - element.clientHeight < NEAR_END;
  }, []);
  const stay = useCallback(() => {
    const element = scroller.current;
    if (element && !isAtEnd.current) element.scrollTop = element.scrollHeight - below.current;
  }, []);
  useLayoutEffect(stay, [first, stay]);
  useEffect(() => {
    const list = scroller.current?.firstElementChild;
    if (!list) return undefined;
    const watch = new ResizeObserver(() => isAtEnd.current && toEnd());
    watch.observe(list);
    return () => watch.disconnect();
  }, [toEnd]);
  useEffect(toEnd, [last, toEnd]);
  return { scroller, onScroll, toEnd };
}

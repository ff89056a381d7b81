import { useQuery } from "@tanstack/react-query";
import { useCombobox, type UseComboboxState, type UseComboboxStateChangeOptions } from "downshift";
import { useState } from "react";
import { problemOf } from "@/api/problem";
import { Input } from "@/components/ui/field";
import { asChoice, FEWEST_LETTERS, foundQuery, type Choice } from "@/features/access/directory";
import { cn } from "@/lib/classes";
import { useSettled } from "@/lib/use-settled";

/** Each look into the directory is on record, so it isn't made for every letter. */
const PAUSE_MS = 350;

type PickerProps = {
  id?: string;
  label: string;
  /** Who can be chosen without a search, such as everyone. */
  offered?: Choice[];
  /** No groups. */
  people?: boolean;
  chosen: Choice | null;
  /** Null while the words name nobody. */
  onChoose: (choice: Choice | null) => void;
};

/** Finds a person or group by a part of their name. The list stands below the field, in the flow of the page. */
export function PrincipalPicker({ id, label, offered = [], people = false, chosen, onChoose }: PickerProps) {
  // Null while the field says who was chosen.
  const [typed, setTyped] = useState<string | null>(null);
  const words = typed ?? chosen?.label ?? "";
  const isChosen = words === (chosen?.label ?? "");
  const wanted = useSettled(words.trim(), PAUSE_MS);
  const isSearch = !isChosen && wanted === words.trim() && wanted.length >= FEWEST_LETTERS;
  const found = useQuery({ ...foundQuery(wanted), enabled: isSearch });
  const matches = (isSearch ? (found.data?.data ?? []) : []).filter(({ kind }) => !people || kind === "user").map(asChoice);
  const isWanted = ({ label: name }: Choice) => isChosen || name.toLowerCase().includes(words.trim().toLowerCase());
  const items = [...offered.filter(isWanted), ...matches];

  const { isOpen, highlightedIndex, getInputProps, getMenuProps, getItemProps } = useCombobox<Choice>({
    items,
    ...(id ? { inputId: id } : {}),
    itemToString: (item) => item?.label ?? "",
    itemToKey: (item) => item?.principal,
    // Nothing counts as selected in the list itself, so that the same person can be chosen twice in a row.
    selectedItem: null,
    inputValue: words,
    stateReducer: keepWordsOnLeaving,
    onSelectedItemChange: ({ selectedItem }) => {
      if (!selectedItem) return;
      setTyped(null);
      onChoose(selectedItem);
    },
  });

  return (
    <div className="flex flex-col gap-1">
      <Input
        {...getInputProps({
          "aria-label": label,
          placeholder: "A part of a name",
          spellCheck: false,
          // Here and not by the list's own report, which comes a moment later: fast typing would lose letters.
          onChange: ({ currentTarget: { value } }) => {
            setTyped(value);
            onChoose(null);
          },
          onFocus: (event) => event.currentTarget.select(),
          // What is typed but names nobody yet must not be sent by Enter.
          onKeyDown: (event) => event.key === "Enter" && !isChosen && event.preventDefault(),
        })}
      />
      <ul
        {...getMenuProps({ "aria-label": label })}
        data-testid="principals"
        className={cn("flex max-h-56 flex-col overflow-y-auto rounded-md border bg-sheet p-1", (!isOpen || items.length === 0) && "hidden")}
      >
        {isOpen &&
          items.map((item, index) => (
            <li
              key={item.principal}
              {...getItemProps({ item, index })}
              className={cn("flex cursor-pointer flex-wrap items-baseline gap-x-2 rounded-sm px-2 py-1.5", index === highlightedIndex && "bg-well")}
            >
              <span className="min-w-0 break-words">{item.label}</span>
              <span className="text-[13px] break-all text-muted">{item.note}</span>
            </li>
          ))}
      </ul>
      {!isChosen && <Hint searching={isSearch && found.isFetching} error={found.error} count={isSearch && found.data ? matches.length : null} more={found.data?.more === true} />}
    </div>
  );
}

type HintProps = { searching: boolean; error: unknown; count: number | null; more: boolean };

function Hint({ searching, error, count, more }: HintProps) {
  const text = error
    ? `The directory can’t be asked: ${problemOf(error).title}.`
    : searching
      ? "Looking…"
      : count === 0
        ? "Nobody has that in their name."
        : more
          ? "There are more; write more of the name."
          : count === null && "Two letters of a name find people and groups.";
  return (
    <p role="status" className="text-[13px] text-muted empty:hidden">
      {text}
    </p>
  );
}

/** Leaving the field chooses nothing. */
function keepWordsOnLeaving(state: UseComboboxState<Choice>, { type, changes }: UseComboboxStateChangeOptions<Choice>) {
  if (type !== useCombobox.stateChangeTypes.InputBlur) return changes;
  return { ...changes, selectedItem: state.selectedItem, inputValue: state.inputValue };
}

import { PanelLeft } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/sheet";
import { ConversationList } from "@/features/chat/conversation-list";

/** Opens the list of conversations where the screen has no room for it. */
export function ListSheet() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="quiet" size="icon" className="lg:hidden" onClick={() => setOpen(true)} aria-label="Show the conversations" data-testid="show-conversations">
        <PanelLeft />
      </Button>
      <Sheet open={open} onClose={() => setOpen(false)} title="Conversations">
        <ConversationList onChoose={() => setOpen(false)} />
      </Sheet>
    </>
  );
}

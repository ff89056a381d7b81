import { Link } from "@tanstack/react-router";
import { Button } from "@/components/ui/button";
import { Drawer } from "@/components/ui/overlay";
import { DocumentTextView, type Place } from "@/features/documents/document-text";

type PlaceDrawerProps = { title: string; documentId: string; place: Place; onClose: () => void };

/** A document opened at the place of a quote or passage. */
export function PlaceDrawer({ title, documentId, place, onClose }: PlaceDrawerProps) {
  return (
    <Drawer
      open
      onClose={onClose}
      testId="place-drawer"
      title={title}
      footer={
        <Button asChild>
          <Link to="/documents/$documentId" params={{ documentId }} search={{ tab: "text", ...place }}>
            Open in Documents
          </Link>
        </Button>
      }
    >
      <DocumentTextView documentId={documentId} place={place} />
    </Drawer>
  );
}

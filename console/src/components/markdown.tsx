import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";

/** Markdown of a model or a document: no raw HTML, no images, and links that leave are marked as such. */
export function Markdown({ text }: { text: string }) {
  return (
    <div className="reading">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        disallowedElements={["img"]}
        components={{
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noreferrer noopener nofollow">
              {children}
            </a>
          ),
        }}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}

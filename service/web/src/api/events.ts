// Server-sent events (WHATWG HTML, section 9.2), as far as the server writes them.

/** One event: its name, and its data as they were written. */
export interface ServerEvent {
  name: string;
  data: string;
}

/** Takes a stream apart wherever the network cut it. */
export class EventParser {
  #rest = "";

  /** The events that end within `text`, which follows what was pushed before. */
  push(text: string): ServerEvent[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parseBlock).filter((event) => event !== null);
  }
}

/** The events of `response` as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield* parser.push(value);
  }
}

function parseBlock(block: string): ServerEvent | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice("event: ".length);
    else if (line.startsWith("data: ")) data.push(line.slice("data: ".length));
  }
  return data.length ? { name, data: data.join("\n") } : null; // comments are heartbeats
}

// What went wrong, as the server tells it (RFC 9457) or as the network made it.

export class Problem extends Error {
  constructor(
    readonly code: string,
    detail: string,
    /** The HTTP status; null where no response came. */
    readonly status: number | null = null,
    /** After how many seconds the server wants to be asked again; null where it does not say. */
    readonly retrySeconds: number | null = null,
  ) {
    super(detail);
  }
}

/** The problem that a response without success tells. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const { code, detail } = { code: "unknown", detail: response.statusText, ...asObject(body) };
  return new Problem(String(code), String(detail), response.status, retrySecondsOf(response));
}

/** `error` as a problem: what is not one yet came from the network, or is a fault of the page. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(error instanceof TypeError ? "network" : "unknown", detail);
}

/** The seconds of the field `Retry-After`; what stands before the server may write a date there instead. */
function retrySecondsOf({ headers }: Response): number | null {
  const stated = headers.get("retry-after") ?? "";
  return /^\d+$/.test(stated) ? Number(stated) : null;
}

function asObject(body: unknown): Partial<Record<"code" | "detail", unknown>> {
  return typeof body === "object" && body !== null ? body : {};
}

// What went wrong, as the server tells it (RFC 9457) or as the network made it.

export class Problem extends Error {
  constructor(
    readonly code: string,
    detail: string,
    /** The HTTP status; null where no response came. */
    readonly status: number | null = null,
  ) {
    super(detail);
  }
}

/** The problem that a response without success tells. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const { code, detail } = { code: "unknown", detail: response.statusText, ...asObject(body) };
  return new Problem(String(code), String(detail), response.status);
}

/** `error` as a problem: what is not one yet came from the network, or is a fault of the page. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(error instanceof TypeError ? "network" : "unknown", detail);
}

function asObject(body: unknown): Partial<Record<"code" | "detail", unknown>> {
  return typeof body === "object" && body !== null ? body : {};
}

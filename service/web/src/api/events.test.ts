import { expect, test } from "vitest";
import { EventParser } from "./events.ts";

const STREAM =
  'event: retrieval\ndata: {"passages": []}\n\n: heartbeat\n\nevent: message.delta\ndata: {"text": "字"}\n\n';

test("events are the same wherever the network cuts the stream", () => {
  const whole = new EventParser().push(STREAM);
  expect(whole).toEqual([
    { name: "retrieval", data: '{"passages": []}' },
    { name: "message.delta", data: '{"text": "字"}' },
  ]);
  for (let cut = 1; cut < STREAM.length; cut += 1) {
    const parser = new EventParser();
    expect([...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))]).toEqual(whole);
  }
});

test("an event that has not ended is not told yet", () => {
  const parser = new EventParser();
  expect(parser.push('event: done\ndata: {"id": 1}\n')).toEqual([]);
  expect(parser.push("\n")).toEqual([{ name: "done", data: '{"id": 1}' }]);
});

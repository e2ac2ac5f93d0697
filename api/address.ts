// Where a message can be delivered (protocol.md §1.3): a connected worker, or an HTTP URL. Parsed by
// hand, because URL parsers disagree on what the host of `poll://any@group` is.

const poll = /^poll:\/\/(?:uni|any)@[^/]+(?:\/.*)?$/s;
const push = /^https?:\/\/[^/]/i;

export function isAddress(text: string): boolean {
  return poll.test(text) || (push.test(text) && URL.canParse(text));
}

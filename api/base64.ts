// Payload bytes as text. The kernel keeps opaque text; this API speaks standard base64 and keeps it
// canonical: padded, no line breaks, unused bits zero, so that equal bytes are equal texts.

/** All but the length, which must be a multiple of four. */
const canonicalForm = /^[A-Za-z0-9+/]*(?:[AQgw]==|[AEIMQUYcgkosw048]=)?$/;
const acceptedForm = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * @param text standard base64 with padding; CR and LF are skipped, unused bits may be set
 * @returns the canonical form of the same bytes, null if it is not base64
 */
export function toCanonical(text: string): string | null {
  if (text.length % 4 === 0 && canonicalForm.test(text)) return text;
  const bare = text.replace(/[\r\n]/g, "");
  if (bare.length % 4 !== 0 || !acceptedForm.test(bare)) return null;
  return Buffer.from(bare, "base64").toString("base64");
}

/** A stored text as this API shows it: base64 as its bytes, any other text as its UTF-8 bytes. */
export function shownAsBase64(stored: string): string {
  return toCanonical(stored) ?? Buffer.from(stored).toString("base64"); // protocol.md §11.6
}

/** The same as bytes, for an API that has them. */
export function shownAsBytes(stored: string): Uint8Array {
  const canonical = toCanonical(stored);
  return canonical === null ? Buffer.from(stored) : Buffer.from(canonical, "base64");
}

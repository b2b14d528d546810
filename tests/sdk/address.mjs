// Loaded before a program that knows no other address than Vapi's: its requests go to VAPI_BASE_URL.
const real = globalThis.fetch;
globalThis.fetch = (url, ...more) =>
  real(String(url).replace("https://api.vapi.ai", process.env.VAPI_BASE_URL), ...more);

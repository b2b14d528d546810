// A flow's owner at Twilio: the number's webhook asks for a call in bypass mode, and answers with its TwiML.
exports.handler = async (context, event, callback) => {
  const answer = await fetch(`${context.BRIDGE_URL}/call`, {
    method: "POST",
    headers: { Authorization: `Bearer ${context.API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      type: "inboundPhoneCall",
      phoneCallProviderBypassEnabled: true,
      phoneNumberId: context.PHONE_NUMBER_ID,
      assistantId: context.ASSISTANT_ID,
      customer: { number: event.From },
      metadata: { callSid: event.CallSid },
    }),
  });
  const call = await answer.json();
  if (answer.status !== 201) return callback(JSON.stringify(call));
  const response = new Twilio.Response();
  response.appendHeader("Content-Type", "text/xml");
  response.setBody(call.phoneCallProviderDetails.twiml);
  return callback(null, response);
};

export default { type: "endCall" };

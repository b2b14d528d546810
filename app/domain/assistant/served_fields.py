"""What becomes of each field of an assistant: the table behind the checks and docs/compatibility.md.

A row is a path without the numbers of lists, in the order of the alphabet. A field below a row
without rows of its own has that row's fate. The fields that one vendor's connector reads are in
that vendor's folder. Vapi's other fields of vendors are in ``VENDORS_OWN``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from app.domain.assistant import tool_types


class Fate(StrEnum):
    """What this program does with a field."""

    SERVED = "served"
    MAPPED = "mapped"
    """It works as another field or value."""
    IGNORED = "ignored"
    """It is kept, and has no effect."""
    REFUSED = "refused"
    """A call with it fails."""


class Row(NamedTuple):
    """``why``: a clause without a point; empty where the field is served as Vapi has it."""

    fate: Fate
    why: str = ""


SERVED = Row(Fate.SERVED)


def mapped(why: str) -> Row:
    return Row(Fate.MAPPED, why)


def ignored(why: str) -> Row:
    return Row(Fate.IGNORED, why)


OLDER = mapped("the older spelling, served too")
NO_SCORES = ignored("no scorecards and monitors are kept")
NO_FILES = ignored("no such files are made")
NO_CONSENT = ignored("no consent is asked for: let `firstMessage` do it")
NO_ADDRESS = ignored("requests come from this installation's own addresses")
ONCE = ignored("a voice or transcriber is asked once, then its `fallbackPlan`")
BY_SIP = Row(Fate.SERVED, "of a caller's leg that is SIP; any other destination is dialled")
IN_REFER_TO = mapped("the headers of a REFER are always in its Refer-To")
OWN_LEVEL = ignored("the suppressor finds the level by itself")
NO_WORKFLOWS = ignored("workflows are not served: use a squad")

ROWS: Mapping[str, Row] = {
    "analysisPlan.minMessagesThreshold": SERVED,
    "analysisPlan.outcomeIds": NO_SCORES,
    "analysisPlan.structuredDataMultiPlan": ignored("one `structuredDataPlan` is asked"),
    "analysisPlan.structuredDataPlan.enabled": SERVED,
    "analysisPlan.structuredDataPlan.messages": SERVED,
    "analysisPlan.structuredDataPlan.schema": SERVED,
    "analysisPlan.structuredDataPlan.timeoutSeconds": SERVED,
    "analysisPlan.structuredDataPrompt": OLDER,
    "analysisPlan.structuredDataRequestTimeoutSeconds": OLDER,
    "analysisPlan.structuredDataSchema": OLDER,
    "analysisPlan.successEvaluationPlan.enabled": SERVED,
    "analysisPlan.successEvaluationPlan.messages": SERVED,
    "analysisPlan.successEvaluationPlan.rubric": SERVED,
    "analysisPlan.successEvaluationPlan.timeoutSeconds": SERVED,
    "analysisPlan.successEvaluationPrompt": OLDER,
    "analysisPlan.successEvaluationRequestTimeoutSeconds": OLDER,
    "analysisPlan.successEvaluationRubric": OLDER,
    "analysisPlan.summaryPlan.enabled": SERVED,
    "analysisPlan.summaryPlan.messages": SERVED,
    "analysisPlan.summaryPlan.timeoutSeconds": SERVED,
    "analysisPlan.summaryPrompt": OLDER,
    "analysisPlan.summaryRequestTimeoutSeconds": OLDER,
    "artifactPlan.fullMessageHistoryEnabled": ignored("`messages` hold the whole conversation"),
    "artifactPlan.loggingEnabled": ignored("`GET /call/{id}/events` is the log"),
    "artifactPlan.loggingPath": NO_FILES,
    "artifactPlan.loggingUseCustomStorageEnabled": NO_FILES,
    "artifactPlan.pcapEnabled": NO_FILES,
    "artifactPlan.pcapS3PathPrefix": NO_FILES,
    "artifactPlan.pcapUseCustomStorageEnabled": NO_FILES,
    "artifactPlan.recordingEnabled": SERVED,
    "artifactPlan.recordingFormat": ignored("recordings are WAV files"),
    "artifactPlan.recordingPath": ignored("`RECORDINGS_URL` says where recordings are"),
    "artifactPlan.recordingUseCustomStorageEnabled": ignored("`RECORDINGS_URL` says where"),
    "artifactPlan.scorecardIds": NO_SCORES,
    "artifactPlan.scorecards": NO_SCORES,
    "artifactPlan.structuredOutputIds": SERVED,
    "artifactPlan.structuredOutputs": SERVED,
    "artifactPlan.transcriptPlan.assistantName": SERVED,
    "artifactPlan.transcriptPlan.enabled": SERVED,
    "artifactPlan.transcriptPlan.userName": SERVED,
    "artifactPlan.videoRecordingEnabled": ignored("no video"),
    "backchannelingEnabled": ignored("gone at Vapi too"),
    "backgroundDenoisingEnabled": OLDER,
    "backgroundSound": SERVED,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.baselineOffsetDb": OWN_LEVEL,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.baselinePercentile": OWN_LEVEL,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.enabled": SERVED,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.mediaDetectionEnabled": OWN_LEVEL,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.staticThreshold": OWN_LEVEL,
    "backgroundSpeechDenoisingPlan.fourierDenoisingPlan.windowSizeMs": OWN_LEVEL,
    "backgroundSpeechDenoisingPlan.smartDenoisingPlan.enabled": SERVED,
    "clientMessages": SERVED,
    "compliancePlan.hipaaEnabled": SERVED,
    "compliancePlan.pciEnabled": SERVED,
    "compliancePlan.recordingConsentPlan": NO_CONSENT,
    "compliancePlan.securityFilterPlan": ignored("the caller's words go to the model as they are"),
    "credentialIds": SERVED,
    "credentials": SERVED,
    "dialKeypadFunctionEnabled": OLDER,
    "emotionRecognitionEnabled": ignored("gone at Vapi too"),
    "endCallFunctionEnabled": OLDER,
    "endCallMessage": SERVED,
    "endCallPhrases": SERVED,
    "firstMessage": SERVED,
    "firstMessageInterruptionsEnabled": Row(Fate.SERVED, "`true` without it, Vapi's is `false`"),
    "firstMessageMode": SERVED,
    "forwardingPhoneNumber": OLDER,
    "forwardingPhoneNumbers": OLDER,
    "hipaaEnabled": OLDER,
    "hooks.do": SERVED,
    "hooks.filters": SERVED,
    "hooks.name": SERVED,
    "hooks.on": SERVED,
    "hooks.options": SERVED,
    "keypadInputPlan.delimiters": SERVED,
    "keypadInputPlan.enabled": Row(Fate.SERVED, "`true` without it, Vapi's is `false`"),
    "keypadInputPlan.timeoutSeconds": SERVED,
    "maxDurationSeconds": SERVED,
    "messagePlan.idleMessageMaxSpokenCount": SERVED,
    "messagePlan.idleMessageResetCountOnUserSpeechEnabled": ignored("the count is the call's"),
    "messagePlan.idleMessages": SERVED,
    "messagePlan.idleTimeoutSeconds": SERVED,
    "messagePlan.silenceTimeoutMessage": ignored("`endCallMessage` is said at the end"),
    "metadata": SERVED,
    "model.emotionRecognitionEnabled": ignored("no emotions are heard"),
    "model.fallbackModels": SERVED,
    "model.functions": OLDER,
    "model.headers": SERVED,
    "model.knowledgeBase": SERVED,
    "model.knowledgeBaseId": ignored("nothing is looked up for the model"),
    "model.maxTokens": SERVED,
    "model.messages.content": SERVED,
    "model.messages.role": SERVED,
    "model.metadataSendMode": SERVED,
    "model.model": SERVED,
    "model.numFastTurns": ignored("every turn has the same model"),
    "model.provider": SERVED,
    "model.reasoningEffort": SERVED,
    "model.systemPrompt": OLDER,
    "model.temperature": SERVED,
    "model.timeoutSeconds": SERVED,
    "model.toolIds": SERVED,
    "model.toolRefs": ignored("tools are part of the assistant"),
    "model.tools.async": SERVED,
    "model.tools.backoffPlan": SERVED,
    "model.tools.beepDetectionEnabled": ignored("the message waits for the greeting's end"),
    "model.tools.body": SERVED,
    "model.tools.credentialId": SERVED,
    "model.tools.defaultResult": SERVED,
    "model.tools.description": SERVED,
    "model.tools.destinations.assistant": SERVED,
    "model.tools.destinations.assistantId": SERVED,
    "model.tools.destinations.assistantName": SERVED,
    "model.tools.destinations.assistantOverrides": SERVED,
    "model.tools.destinations.callerId": SERVED,
    "model.tools.destinations.contextEngineeringPlan": SERVED,
    "model.tools.destinations.description": SERVED,
    "model.tools.destinations.entryAssistantName": SERVED,
    "model.tools.destinations.extension": SERVED,
    "model.tools.destinations.message": SERVED,
    "model.tools.destinations.number": SERVED,
    "model.tools.destinations.numberE164CheckEnabled": SERVED,
    "model.tools.destinations.onFailure": SERVED,
    "model.tools.destinations.server": SERVED,
    "model.tools.destinations.sipHeaders": SERVED,
    "model.tools.destinations.sipUri": SERVED,
    "model.tools.destinations.squad": SERVED,
    "model.tools.destinations.squadId": SERVED,
    "model.tools.destinations.squadOverrides": SERVED,
    "model.tools.destinations.transferMode": SERVED,
    "model.tools.destinations.transferPlan.contextEngineeringPlan": SERVED,
    "model.tools.destinations.transferPlan.dialTimeout": SERVED,
    "model.tools.destinations.transferPlan.fallbackPlan": SERVED,
    "model.tools.destinations.transferPlan.holdAudioUrl": SERVED,
    "model.tools.destinations.transferPlan.message": SERVED,
    "model.tools.destinations.transferPlan.mode": SERVED,
    "model.tools.destinations.transferPlan.sipHeadersInReferToEnabled": IN_REFER_TO,
    "model.tools.destinations.transferPlan.sipVerb": BY_SIP,
    "model.tools.destinations.transferPlan.summaryPlan": SERVED,
    "model.tools.destinations.transferPlan.timeout": SERVED,
    **{
        f"model.tools.destinations.transferPlan.transferAssistant.{name}": SERVED
        for name in (
            "backgroundSound",
            "backgroundSpeechDenoisingPlan",
            "firstMessage",
            "firstMessageMode",
            "maxDurationSeconds",
            "model",
            "name",
            "silenceTimeoutSeconds",
            "startSpeakingPlan",
            "transcriber",
            "voice",
        )
    },
    "model.tools.destinations.transferPlan.transferCompleteAudioUrl": SERVED,
    "model.tools.destinations.transferPlan.twiml": SERVED,
    "model.tools.destinations.type": SERVED,
    "model.tools.destinations.variableExtractionPlan": SERVED,
    "model.tools.encryptedPaths": ignored("arguments are sent as they are"),
    "model.tools.function": SERVED,
    "model.tools.headers": SERVED,
    "model.tools.knowledgeBases": SERVED,
    "model.tools.messages": SERVED,
    "model.tools.metadata": SERVED,
    "model.tools.method": SERVED,
    "model.tools.name": SERVED,
    "model.tools.parameters": SERVED,
    "model.tools.rejectionPlan": ignored("no call of a tool is rejected"),
    "model.tools.server.backoffPlan": SERVED,
    "model.tools.server.credentialId": SERVED,
    "model.tools.server.encryptedPaths": ignored("arguments are sent as they are"),
    "model.tools.server.headers": SERVED,
    "model.tools.server.secret": SERVED,
    "model.tools.server.staticIpAddressesEnabled": NO_ADDRESS,
    "model.tools.server.timeoutSeconds": SERVED,
    "model.tools.server.url": SERVED,
    "model.tools.serverUrl": OLDER,
    "model.tools.serverUrlSecret": OLDER,
    "model.tools.sipInfoDtmfEnabled": ignored("keys are played by the carrier, or in the sound"),
    "model.tools.timeoutSeconds": SERVED,
    "model.tools.toolMessages": SERVED,
    "model.tools.type": SERVED,
    "model.tools.url": SERVED,
    "model.tools.variableExtractionPlan": SERVED,
    "model.toolStrictCompatibilityMode": ignored("schemas of tools go to the model as they are"),
    "model.url": SERVED,
    "model.urlRequestMetadataEnabled": OLDER,
    "model.wordLevelConfidenceEnabled": ignored("words have no confidence here"),
    "model.workflow": NO_WORKFLOWS,
    "model.workflowId": NO_WORKFLOWS,
    "modelOutputInMessagesEnabled": ignored("`messages` hold what the caller heard"),
    "monitorPlan.controlAuthenticationEnabled": ignored("`controlUrl` holds its token"),
    "monitorPlan.controlEnabled": SERVED,
    "monitorPlan.listenAuthenticationEnabled": ignored("`listenUrl` holds its token"),
    "monitorPlan.listenEnabled": SERVED,
    "monitorPlan.monitorIds": NO_SCORES,
    "name": SERVED,
    "numWordsToInterruptAssistant": OLDER,
    "observabilityPlan": ignored("`/metrics` and the log are served"),
    "recordingEnabled": OLDER,
    "responseDelaySeconds": OLDER,
    "server.backoffPlan.baseDelaySeconds": SERVED,
    "server.backoffPlan.excludedStatusCodes": SERVED,
    "server.backoffPlan.maxRetries": SERVED,
    "server.backoffPlan.type": SERVED,
    "server.credentialId": SERVED,
    "server.encryptedPaths": ignored("messages are sent as they are"),
    "server.headers": SERVED,
    "server.secret": SERVED,
    "server.staticIpAddressesEnabled": NO_ADDRESS,
    "server.timeoutSeconds": SERVED,
    "server.url": SERVED,
    "serverMessages": SERVED,
    "serverUrl": OLDER,
    "serverUrlSecret": OLDER,
    "silenceTimeoutSeconds": SERVED,
    "startSpeakingPlan.customEndpointingRules.assistantRegex": SERVED,
    "startSpeakingPlan.customEndpointingRules.assistantRegexOptions": SERVED,
    "startSpeakingPlan.customEndpointingRules.customerRegex": SERVED,
    "startSpeakingPlan.customEndpointingRules.customerRegexOptions": SERVED,
    "startSpeakingPlan.customEndpointingRules.regex": SERVED,
    "startSpeakingPlan.customEndpointingRules.regexOptions": SERVED,
    "startSpeakingPlan.customEndpointingRules.timeoutSeconds": SERVED,
    "startSpeakingPlan.customEndpointingRules.type": SERVED,
    "startSpeakingPlan.smartEndpointingEnabled": SERVED,
    "startSpeakingPlan.smartEndpointingPlan.provider": SERVED,
    "startSpeakingPlan.smartEndpointingPlan.server": SERVED,
    "startSpeakingPlan.smartEndpointingPlan.waitFunction": SERVED,
    "startSpeakingPlan.transcriptionEndpointingPlan.onNoPunctuationSeconds": SERVED,
    "startSpeakingPlan.transcriptionEndpointingPlan.onNumberSeconds": SERVED,
    "startSpeakingPlan.transcriptionEndpointingPlan.onPunctuationSeconds": SERVED,
    "startSpeakingPlan.waitSeconds": SERVED,
    "stopSpeakingPlan.acknowledgementPhrases": SERVED,
    "stopSpeakingPlan.backoffSeconds": SERVED,
    "stopSpeakingPlan.interruptionPhrases": SERVED,
    "stopSpeakingPlan.numWords": SERVED,
    "stopSpeakingPlan.voiceSeconds": SERVED,
    "toolIds": ignored("tools are part of the assistant"),
    "tools:append": SERVED,
    "transcriber.fallbackPlan.transcribers.provider": SERVED,
    "transcriber.fallbackPlan.transcribers.server": SERVED,
    "transcriber.provider": SERVED,
    "transcriber.server.backoffPlan": ONCE,
    "transcriber.server.credentialId": SERVED,
    "transcriber.server.encryptedPaths": ignored("sound is sent as it is"),
    "transcriber.server.headers": SERVED,
    "transcriber.server.secret": SERVED,
    "transcriber.server.staticIpAddressesEnabled": NO_ADDRESS,
    "transcriber.server.timeoutSeconds": ignored("a transcriber has 5 s to connect"),
    "transcriber.server.url": SERVED,
    "transport.assistantId": SERVED,
    "transport.conversationType": mapped(
        "`conversation-relay` lets the carrier hear and speak; others have no effect"
    ),
    "transport.headers": SERVED,
    "transport.phoneNumberId": SERVED,
    "transport.provider": SERVED,
    "transport.url": SERVED,
    "transportConfigurations": ignored("the phone number decides the transport"),
    "variableValues": SERVED,
    "voice.cachingEnabled": ignored("no sound is kept"),
    "voice.chunkPlan.enabled": SERVED,
    "voice.chunkPlan.formatPlan.enabled": SERVED,
    "voice.chunkPlan.formatPlan.formattersEnabled": SERVED,
    "voice.chunkPlan.formatPlan.numberToDigitsCutoff": SERVED,
    "voice.chunkPlan.formatPlan.replacements": SERVED,
    "voice.chunkPlan.minCharacters": SERVED,
    "voice.chunkPlan.punctuationBoundaries": SERVED,
    "voice.fallbackPlan.voices.cachingEnabled": ignored("no sound is kept"),
    "voice.fallbackPlan.voices.chunkPlan": ignored("the voice's own `chunkPlan` holds"),
    "voice.fallbackPlan.voices.provider": SERVED,
    "voice.fallbackPlan.voices.server": SERVED,
    "voice.inputMinCharacters": OLDER,
    "voice.inputPreprocessingEnabled": OLDER,
    "voice.inputPunctuationBoundaries": OLDER,
    "voice.inputReformattingEnabled": OLDER,
    "voice.model": SERVED,
    "voice.provider": SERVED,
    "voice.server.backoffPlan": ONCE,
    "voice.server.credentialId": SERVED,
    "voice.server.encryptedPaths": ignored("texts are sent as they are"),
    "voice.server.headers": SERVED,
    "voice.server.secret": SERVED,
    "voice.server.staticIpAddressesEnabled": NO_ADDRESS,
    "voice.server.timeoutSeconds": SERVED,
    "voice.server.url": SERVED,
    "voice.voiceId": SERVED,
    "voicemailDetection.backoffPlan": ignored("the pipeline listens all the time"),
    "voicemailDetection.beepMaxAwaitSeconds": ignored("the message waits for the greeting's end"),
    "voicemailDetection.enabled": SERVED,
    "voicemailDetection.machineDetectionSilenceTimeout": SERVED,
    "voicemailDetection.machineDetectionSpeechEndThreshold": SERVED,
    "voicemailDetection.machineDetectionSpeechThreshold": SERVED,
    "voicemailDetection.machineDetectionTimeout": SERVED,
    "voicemailDetection.provider": SERVED,
    "voicemailDetection.type": ignored("the transcript is judged"),
    "voicemailDetection.voicemailDetectionTypes": SERVED,
    "voicemailDetectionEnabled": OLDER,
    "voicemailDetectionTypes": OLDER,
    "voicemailMessage": SERVED,
}
"""A row per field that is the same for every vendor."""

ALWAYS_ON = frozenset(
    {
        "artifactPlan.loggingEnabled",
        "artifactPlan.recordingUseCustomStorageEnabled",
    }
)
"""Ignored flags whose ``false`` has no effect either. That of the others is what happens."""

TOOL_TYPES: Mapping[str, Row] = {
    **dict.fromkeys(sorted(tool_types.SERVED, key=str.casefold), SERVED),
    **{name: ignored(why) for name, why in tool_types.NOT_SERVED.items()},
}
"""Values of ``model.tools.type``. A tool that is not served has no other field."""

TOOLS_OWN = frozenset(
    [
        "code",
        "displayHeightPx",
        "displayNumber",
        "displayWidthPx",
        "environmentVariables",
        "subType",
        "verb",
    ]
)
"""Vapi's further fields of tools, each of a type that is not served."""

SERVER_OF_MODEL = frozenset(
    {"headers", "metadataSendMode", "timeoutSeconds", "url", "urlRequestMetadataEnabled"}
)
"""Fields of a ``model`` whose vendor is the assistant's own server. Others have no use for them."""

VENDORS_OWN: Mapping[str, frozenset[str]] = {
    "model": frozenset(
        ["promptCacheKey", "promptCacheRetention", "realtimeConfig", "thinking", "version"]
    ),
    "transcriber": frozenset(
        [
            "agentContext",
            "audioEnhancer",
            "confidenceThreshold",
            "contextGeneral",
            "customVocabulary",
            "customVocabularyConfig",
            "customVocabularyEnabled",
            "disablePartialTranscripts",
            "enableDiarization",
            "enableUniversalStreamingApi",
            "endOfTurnConfidenceThreshold",
            "endOfTurnSensitivity",
            "endUtteranceSilenceThreshold",
            "endpointing",
            "eotThreshold",
            "eotTimeoutMs",
            "formatTurns",
            "keyterm",
            "keytermsPrompt",
            "keywords",
            "language",
            "languageBehaviour",
            "languageCodes",
            "languageHintsStrict",
            "languages",
            "maxDelay",
            "maxEndpointDelayMs",
            "maxTurnSilence",
            "minEndOfTurnSilenceWhenConfident",
            "minSilenceDurationMs",
            "minSpeechDurationMs",
            "minimumSpeechDuration",
            "mipOptOut",
            "mode",
            "model",
            "numeralStyle",
            "numerals",
            "operatingPoint",
            "profanityFilter",
            "prompt",
            "prosody",
            "realtimeUrl",
            "receivePartialTranscripts",
            "redaction",
            "region",
            "removeDisfluencies",
            "segmentationMaximumTimeMs",
            "segmentationSilenceTimeoutMs",
            "segmentationStrategy",
            "server",
            "silenceThresholdSeconds",
            "smartFormat",
            "speechModel",
            "speechThreshold",
            "transcriptionHint",
            "turnTaking",
            "vadAssistedEndpointingEnabled",
            "version",
            "wordBoost",
            "wordFinalizationMaxWaitTime",
        ]
    ),
    "voice": frozenset(
        [
            "autoMode",
            "callbackUrl",
            "conversationName",
            "conversationalContext",
            "customGreeting",
            "description",
            "emotion",
            "enableSsml",
            "enableSsmlParsing",
            "experimentalControls",
            "fillerInjectionEnabled",
            "generationConfig",
            "inlineSpeedAlpha",
            "instructions",
            "isCustomHumeVoice",
            "language",
            "languageBoost",
            "languageCode",
            "libraryIds",
            "mipOptOut",
            "optimizeStreamingLatency",
            "pauseBetweenBrackets",
            "personaId",
            "phonemizeBetweenBrackets",
            "pitch",
            "pronunciationDictId",
            "pronunciationDictionary",
            "pronunciationDictionaryLocators",
            "properties",
            "reduceLatency",
            "region",
            "role",
            "similarityBoost",
            "speakingRate",
            "speed",
            "stability",
            "style",
            "styleDegree",
            "styleGuidance",
            "subtitleType",
            "temperature",
            "textGuidance",
            "textNormalizationEnabled",
            "useSpeakerBoost",
            "version",
            "voiceGuidance",
            "volume",
        ]
    ),
}
"""Vapi's further fields of a model, voice or transcriber: each is one vendor's, or several's."""

OF_NUMBERS: Mapping[str, Row] = {
    "smsEnabled": ignored("messages that arrive are not served"),
}
"""Fields of a phone number without effect. Its ``server`` has the rows of an assistant's."""

READ_ONLY = frozenset({"createdAt", "id", "isServerUrlSecretSet", "orgId", "updatedAt"})
"""Fields of an assistant that was read, and is sent back."""

// SPDX-License-Identifier: Apache-2.0
/*
 * The IANA registry "IPFIX Information Elements": number, abstract type and name of all that
 * is registered (ids 1 to 533, as of August 2026). What flowctl exports of it stands in ie.c;
 * a collector must know all. Numbers that are missing are unassigned or were given to
 * NetFlow 9 alone.
 */
#include "flow/ie_registry.h"

#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/ie.h"

#define R(id_, type_, name_) { id_, DATA_##type_, #name_ },

/* clang-format off: three a line */
static const struct ie_registered registry[] = {
	R(1, U64, octetDeltaCount) R(2, U64, packetDeltaCount) R(3, U64, deltaFlowCount)
	R(4, U8, protocolIdentifier) R(5, U8, ipClassOfService) R(6, U16, tcpControlBits)
	R(7, U16, sourceTransportPort) R(8, IPV4, sourceIPv4Address)
	R(9, U8, sourceIPv4PrefixLength) R(10, U32, ingressInterface)
	R(11, U16, destinationTransportPort) R(12, IPV4, destinationIPv4Address)
	R(13, U8, destinationIPv4PrefixLength) R(14, U32, egressInterface)
	R(15, IPV4, ipNextHopIPv4Address) R(16, U32, bgpSourceAsNumber)
	R(17, U32, bgpDestinationAsNumber) R(18, IPV4, bgpNextHopIPv4Address)
	R(19, U64, postMCastPacketDeltaCount) R(20, U64, postMCastOctetDeltaCount)
	R(21, U32, flowEndSysUpTime) R(22, U32, flowStartSysUpTime) R(23, U64, postOctetDeltaCount)
	R(24, U64, postPacketDeltaCount) R(25, U64, minimumIpTotalLength)
	R(26, U64, maximumIpTotalLength) R(27, IPV6, sourceIPv6Address)
	R(28, IPV6, destinationIPv6Address) R(29, U8, sourceIPv6PrefixLength)
	R(30, U8, destinationIPv6PrefixLength) R(31, U32, flowLabelIPv6)
	R(32, U16, icmpTypeCodeIPv4) R(33, U8, igmpType) R(34, U32, samplingInterval)
	R(35, U8, samplingAlgorithm) R(36, U16, flowActiveTimeout) R(37, U16, flowIdleTimeout)
	R(38, U8, engineType) R(39, U8, engineId) R(40, U64, exportedOctetTotalCount)
	R(41, U64, exportedMessageTotalCount) R(42, U64, exportedFlowRecordTotalCount)
	R(43, IPV4, ipv4RouterSc) R(44, IPV4, sourceIPv4Prefix) R(45, IPV4, destinationIPv4Prefix)
	R(46, U8, mplsTopLabelType) R(47, IPV4, mplsTopLabelIPv4Address) R(48, U8, samplerId)
	R(49, U8, samplerMode) R(50, U32, samplerRandomInterval) R(51, U8, classId)
	R(52, U8, minimumTTL) R(53, U8, maximumTTL) R(54, U32, fragmentIdentification)
	R(55, U8, postIpClassOfService) R(56, MAC, sourceMacAddress)
	R(57, MAC, postDestinationMacAddress) R(58, U16, vlanId) R(59, U16, postVlanId)
	R(60, U8, ipVersion) R(61, U8, flowDirection) R(62, IPV6, ipNextHopIPv6Address)
	R(63, IPV6, bgpNextHopIPv6Address) R(64, U32, ipv6ExtensionHeaders)
	R(70, OCTETS, mplsTopLabelStackSection) R(71, OCTETS, mplsLabelStackSection2)
	R(72, OCTETS, mplsLabelStackSection3) R(73, OCTETS, mplsLabelStackSection4)
	R(74, OCTETS, mplsLabelStackSection5) R(75, OCTETS, mplsLabelStackSection6)
	R(76, OCTETS, mplsLabelStackSection7) R(77, OCTETS, mplsLabelStackSection8)
	R(78, OCTETS, mplsLabelStackSection9) R(79, OCTETS, mplsLabelStackSection10)
	R(80, MAC, destinationMacAddress) R(81, MAC, postSourceMacAddress)
	R(82, STRING, interfaceName) R(83, STRING, interfaceDescription) R(84, STRING, samplerName)
	R(85, U64, octetTotalCount) R(86, U64, packetTotalCount) R(87, U32, flagsAndSamplerId)
	R(88, U16, fragmentOffset) R(89, U32, forwardingStatus)
	R(90, OCTETS, mplsVpnRouteDistinguisher) R(91, U8, mplsTopLabelPrefixLength)
	R(92, U32, srcTrafficIndex) R(93, U32, dstTrafficIndex)
	R(94, STRING, applicationDescription) R(95, OCTETS, applicationId)
	R(96, STRING, applicationName) R(98, U8, postIpDiffServCodePoint)
	R(99, U32, multicastReplicationFactor) R(100, STRING, className)
	R(101, U8, classificationEngineId) R(102, U16, layer2packetSectionOffset)
	R(103, U16, layer2packetSectionSize) R(104, OCTETS, layer2packetSectionData)
	R(128, U32, bgpNextAdjacentAsNumber) R(129, U32, bgpPrevAdjacentAsNumber)
	R(130, IPV4, exporterIPv4Address) R(131, IPV6, exporterIPv6Address)
	R(132, U64, droppedOctetDeltaCount) R(133, U64, droppedPacketDeltaCount)
	R(134, U64, droppedOctetTotalCount) R(135, U64, droppedPacketTotalCount)
	R(136, U8, flowEndReason) R(137, U64, commonPropertiesId) R(138, U64, observationPointId)
	R(139, U16, icmpTypeCodeIPv6) R(140, IPV6, mplsTopLabelIPv6Address) R(141, U32, lineCardId)
	R(142, U32, portId) R(143, U32, meteringProcessId) R(144, U32, exportingProcessId)
	R(145, U16, templateId) R(146, U8, wlanChannelId) R(147, STRING, wlanSSID)
	R(148, U64, flowId) R(149, U32, observationDomainId) R(150, SEC, flowStartSeconds)
	R(151, SEC, flowEndSeconds) R(152, MSEC, flowStartMilliseconds)
	R(153, MSEC, flowEndMilliseconds) R(154, USEC, flowStartMicroseconds)
	R(155, USEC, flowEndMicroseconds) R(156, NSEC, flowStartNanoseconds)
	R(157, NSEC, flowEndNanoseconds) R(158, U32, flowStartDeltaMicroseconds)
	R(159, U32, flowEndDeltaMicroseconds) R(160, MSEC, systemInitTimeMilliseconds)
	R(161, U32, flowDurationMilliseconds) R(162, U32, flowDurationMicroseconds)
	R(163, U64, observedFlowTotalCount) R(164, U64, ignoredPacketTotalCount)
	R(165, U64, ignoredOctetTotalCount) R(166, U64, notSentFlowTotalCount)
	R(167, U64, notSentPacketTotalCount) R(168, U64, notSentOctetTotalCount)
	R(169, IPV6, destinationIPv6Prefix) R(170, IPV6, sourceIPv6Prefix)
	R(171, U64, postOctetTotalCount) R(172, U64, postPacketTotalCount)
	R(173, U64, flowKeyIndicator) R(174, U64, postMCastPacketTotalCount)
	R(175, U64, postMCastOctetTotalCount) R(176, U8, icmpTypeIPv4) R(177, U8, icmpCodeIPv4)
	R(178, U8, icmpTypeIPv6) R(179, U8, icmpCodeIPv6) R(180, U16, udpSourcePort)
	R(181, U16, udpDestinationPort) R(182, U16, tcpSourcePort) R(183, U16, tcpDestinationPort)
	R(184, U32, tcpSequenceNumber) R(185, U32, tcpAcknowledgementNumber)
	R(186, U16, tcpWindowSize) R(187, U16, tcpUrgentPointer) R(188, U8, tcpHeaderLength)
	R(189, U8, ipHeaderLength) R(190, U16, totalLengthIPv4) R(191, U16, payloadLengthIPv6)
	R(192, U8, ipTTL) R(193, U8, nextHeaderIPv6) R(194, U32, mplsPayloadLength)
	R(195, U8, ipDiffServCodePoint) R(196, U8, ipPrecedence) R(197, U8, fragmentFlags)
	R(198, U64, octetDeltaSumOfSquares) R(199, U64, octetTotalSumOfSquares)
	R(200, U8, mplsTopLabelTTL) R(201, U32, mplsLabelStackLength)
	R(202, U32, mplsLabelStackDepth) R(203, U8, mplsTopLabelExp) R(204, U32, ipPayloadLength)
	R(205, U16, udpMessageLength) R(206, U8, isMulticast) R(207, U8, ipv4IHL)
	R(208, U32, ipv4Options) R(209, U64, tcpOptions) R(210, OCTETS, paddingOctets)
	R(211, IPV4, collectorIPv4Address) R(212, IPV6, collectorIPv6Address)
	R(213, U32, exportInterface) R(214, U8, exportProtocolVersion)
	R(215, U8, exportTransportProtocol) R(216, U16, collectorTransportPort)
	R(217, U16, exporterTransportPort) R(218, U64, tcpSynTotalCount)
	R(219, U64, tcpFinTotalCount) R(220, U64, tcpRstTotalCount) R(221, U64, tcpPshTotalCount)
	R(222, U64, tcpAckTotalCount) R(223, U64, tcpUrgTotalCount) R(224, U64, ipTotalLength)
	R(225, IPV4, postNATSourceIPv4Address) R(226, IPV4, postNATDestinationIPv4Address)
	R(227, U16, postNAPTSourceTransportPort) R(228, U16, postNAPTDestinationTransportPort)
	R(229, U8, natOriginatingAddressRealm) R(230, U8, natEvent) R(231, U64, initiatorOctets)
	R(232, U64, responderOctets) R(233, U8, firewallEvent) R(234, U32, ingressVRFID)
	R(235, U32, egressVRFID) R(236, STRING, VRFname) R(237, U8, postMplsTopLabelExp)
	R(238, U16, tcpWindowScale) R(239, U8, biflowDirection) R(240, U8, ethernetHeaderLength)
	R(241, U16, ethernetPayloadLength) R(242, U16, ethernetTotalLength)
	R(243, U16, dot1qVlanId) R(244, U8, dot1qPriority) R(245, U16, dot1qCustomerVlanId)
	R(246, U8, dot1qCustomerPriority) R(247, STRING, metroEvcId) R(248, U8, metroEvcType)
	R(249, U32, pseudoWireId) R(250, U16, pseudoWireType) R(251, U32, pseudoWireControlWord)
	R(252, U32, ingressPhysicalInterface) R(253, U32, egressPhysicalInterface)
	R(254, U16, postDot1qVlanId) R(255, U16, postDot1qCustomerVlanId) R(256, U16, ethernetType)
	R(257, U8, postIpPrecedence) R(258, MSEC, collectionTimeMilliseconds)
	R(259, U16, exportSctpStreamId) R(260, SEC, maxExportSeconds)
	R(261, SEC, maxFlowEndSeconds) R(262, OCTETS, messageMD5Checksum) R(263, U8, messageScope)
	R(264, SEC, minExportSeconds) R(265, SEC, minFlowStartSeconds) R(266, OCTETS, opaqueOctets)
	R(267, U8, sessionScope) R(268, USEC, maxFlowEndMicroseconds)
	R(269, MSEC, maxFlowEndMilliseconds) R(270, NSEC, maxFlowEndNanoseconds)
	R(271, USEC, minFlowStartMicroseconds) R(272, MSEC, minFlowStartMilliseconds)
	R(273, NSEC, minFlowStartNanoseconds) R(274, OCTETS, collectorCertificate)
	R(275, OCTETS, exporterCertificate) R(276, BOOL, dataRecordsReliability)
	R(277, U8, observationPointType) R(278, U32, newConnectionDeltaCount)
	R(279, U64, connectionSumDurationSeconds) R(280, U64, connectionTransactionId)
	R(281, IPV6, postNATSourceIPv6Address) R(282, IPV6, postNATDestinationIPv6Address)
	R(283, U32, natPoolId) R(284, STRING, natPoolName) R(285, U16, anonymizationFlags)
	R(286, U16, anonymizationTechnique) R(287, U16, informationElementIndex)
	R(288, STRING, p2pTechnology) R(289, STRING, tunnelTechnology)
	R(290, STRING, encryptedTechnology) R(291, LIST, basicList) R(292, STL, subTemplateList)
	R(293, STML, subTemplateMultiList) R(294, U8, bgpValidityState) R(295, U32, IPSecSPI)
	R(296, U32, greKey) R(297, U8, natType) R(298, U64, initiatorPackets)
	R(299, U64, responderPackets) R(300, STRING, observationDomainName)
	R(301, U64, selectionSequenceId) R(302, U64, selectorId) R(303, U16, informationElementId)
	R(304, U16, selectorAlgorithm) R(305, U32, samplingPacketInterval)
	R(306, U32, samplingPacketSpace) R(307, U32, samplingTimeInterval)
	R(308, U32, samplingTimeSpace) R(309, U32, samplingSize) R(310, U32, samplingPopulation)
	R(311, F64, samplingProbability) R(312, U16, dataLinkFrameSize)
	R(313, OCTETS, ipHeaderPacketSection) R(314, OCTETS, ipPayloadPacketSection)
	R(315, OCTETS, dataLinkFrameSection) R(316, OCTETS, mplsLabelStackSection)
	R(317, OCTETS, mplsPayloadPacketSection) R(318, U64, selectorIdTotalPktsObserved)
	R(319, U64, selectorIdTotalPktsSelected) R(320, F64, absoluteError)
	R(321, F64, relativeError) R(322, SEC, observationTimeSeconds)
	R(323, MSEC, observationTimeMilliseconds) R(324, USEC, observationTimeMicroseconds)
	R(325, NSEC, observationTimeNanoseconds) R(326, U64, digestHashValue)
	R(327, U64, hashIPPayloadOffset) R(328, U64, hashIPPayloadSize)
	R(329, U64, hashOutputRangeMin) R(330, U64, hashOutputRangeMax)
	R(331, U64, hashSelectedRangeMin) R(332, U64, hashSelectedRangeMax)
	R(333, BOOL, hashDigestOutput) R(334, U64, hashInitialiserValue)
	R(335, STRING, selectorName) R(336, F64, upperCILimit) R(337, F64, lowerCILimit)
	R(338, F64, confidenceLevel) R(339, U8, informationElementDataType)
	R(340, STRING, informationElementDescription) R(341, STRING, informationElementName)
	R(342, U64, informationElementRangeBegin) R(343, U64, informationElementRangeEnd)
	R(344, U8, informationElementSemantics) R(345, U16, informationElementUnits)
	R(346, U32, privateEnterpriseNumber) R(347, OCTETS, virtualStationInterfaceId)
	R(348, STRING, virtualStationInterfaceName) R(349, OCTETS, virtualStationUUID)
	R(350, STRING, virtualStationName) R(351, U64, layer2SegmentId)
	R(352, U64, layer2OctetDeltaCount) R(353, U64, layer2OctetTotalCount)
	R(354, U64, ingressUnicastPacketTotalCount) R(355, U64, ingressMulticastPacketTotalCount)
	R(356, U64, ingressBroadcastPacketTotalCount) R(357, U64, egressUnicastPacketTotalCount)
	R(358, U64, egressBroadcastPacketTotalCount)
	R(359, MSEC, monitoringIntervalStartMilliSeconds)
	R(360, MSEC, monitoringIntervalEndMilliSeconds) R(361, U16, portRangeStart)
	R(362, U16, portRangeEnd) R(363, U16, portRangeStepSize) R(364, U16, portRangeNumPorts)
	R(365, MAC, staMacAddress) R(366, IPV4, staIPv4Address) R(367, MAC, wtpMacAddress)
	R(368, U32, ingressInterfaceType) R(369, U32, egressInterfaceType)
	R(370, U16, rtpSequenceNumber) R(371, STRING, userName)
	R(372, STRING, applicationCategoryName) R(373, STRING, applicationSubCategoryName)
	R(374, STRING, applicationGroupName) R(375, U64, originalFlowsPresent)
	R(376, U64, originalFlowsInitiated) R(377, U64, originalFlowsCompleted)
	R(378, U64, distinctCountOfSourceIPAddress)
	R(379, U64, distinctCountOfDestinationIPAddress)
	R(380, U32, distinctCountOfSourceIPv4Address)
	R(381, U32, distinctCountOfDestinationIPv4Address)
	R(382, U64, distinctCountOfSourceIPv6Address)
	R(383, U64, distinctCountOfDestinationIPv6Address) R(384, U8, valueDistributionMethod)
	R(385, U32, rfc3550JitterMilliseconds) R(386, U32, rfc3550JitterMicroseconds)
	R(387, U32, rfc3550JitterNanoseconds) R(388, BOOL, dot1qDEI) R(389, BOOL, dot1qCustomerDEI)
	R(390, U16, flowSelectorAlgorithm) R(391, U64, flowSelectedOctetDeltaCount)
	R(392, U64, flowSelectedPacketDeltaCount) R(393, U64, flowSelectedFlowDeltaCount)
	R(394, U64, selectorIDTotalFlowsObserved) R(395, U64, selectorIDTotalFlowsSelected)
	R(396, U64, samplingFlowInterval) R(397, U64, samplingFlowSpacing)
	R(398, U64, flowSamplingTimeInterval) R(399, U64, flowSamplingTimeSpacing)
	R(400, U16, hashFlowDomain) R(401, U64, transportOctetDeltaCount)
	R(402, U64, transportPacketDeltaCount) R(403, IPV4, originalExporterIPv4Address)
	R(404, IPV6, originalExporterIPv6Address) R(405, U32, originalObservationDomainId)
	R(406, U32, intermediateProcessId) R(407, U64, ignoredDataRecordTotalCount)
	R(408, U16, dataLinkFrameType) R(409, U16, sectionOffset)
	R(410, U16, sectionExportedOctets) R(411, OCTETS, dot1qServiceInstanceTag)
	R(412, U32, dot1qServiceInstanceId) R(413, U8, dot1qServiceInstancePriority)
	R(414, MAC, dot1qCustomerSourceMacAddress) R(415, MAC, dot1qCustomerDestinationMacAddress)
	R(417, U64, postLayer2OctetDeltaCount) R(418, U64, postMCastLayer2OctetDeltaCount)
	R(420, U64, postLayer2OctetTotalCount) R(421, U64, postMCastLayer2OctetTotalCount)
	R(422, U64, minimumLayer2TotalLength) R(423, U64, maximumLayer2TotalLength)
	R(424, U64, droppedLayer2OctetDeltaCount) R(425, U64, droppedLayer2OctetTotalCount)
	R(426, U64, ignoredLayer2OctetTotalCount) R(427, U64, notSentLayer2OctetTotalCount)
	R(428, U64, layer2OctetDeltaSumOfSquares) R(429, U64, layer2OctetTotalSumOfSquares)
	R(430, U64, layer2FrameDeltaCount) R(431, U64, layer2FrameTotalCount)
	R(432, IPV4, pseudoWireDestinationIPv4Address) R(433, U64, ignoredLayer2FrameTotalCount)
	R(434, S32, mibObjectValueInteger) R(435, OCTETS, mibObjectValueOctetString)
	R(436, OCTETS, mibObjectValueOID) R(437, OCTETS, mibObjectValueBits)
	R(438, IPV4, mibObjectValueIPAddress) R(439, U64, mibObjectValueCounter)
	R(440, U32, mibObjectValueGauge) R(441, U32, mibObjectValueTimeTicks)
	R(442, U32, mibObjectValueUnsigned) R(443, STL, mibObjectValueTable)
	R(444, STL, mibObjectValueRow) R(445, OCTETS, mibObjectIdentifier)
	R(446, U32, mibSubIdentifier) R(447, U64, mibIndexIndicator)
	R(448, U8, mibCaptureTimeSemantics) R(449, OCTETS, mibContextEngineID)
	R(450, STRING, mibContextName) R(451, STRING, mibObjectName)
	R(452, STRING, mibObjectDescription) R(453, STRING, mibObjectSyntax)
	R(454, STRING, mibModuleName) R(455, STRING, mobileIMSI) R(456, STRING, mobileMSISDN)
	R(457, U16, httpStatusCode) R(458, U16, sourceTransportPortsLimit)
	R(459, STRING, httpRequestMethod) R(460, STRING, httpRequestHost)
	R(461, STRING, httpRequestTarget) R(462, STRING, httpMessageVersion)
	R(463, U32, natInstanceID) R(464, OCTETS, internalAddressRealm)
	R(465, OCTETS, externalAddressRealm) R(466, U32, natQuotaExceededEvent)
	R(467, U32, natThresholdEvent) R(468, STRING, httpUserAgent)
	R(469, STRING, httpContentType) R(470, STRING, httpReasonPhrase)
	R(471, U32, maxSessionEntries) R(472, U32, maxBIBEntries) R(473, U32, maxEntriesPerUser)
	R(474, U32, maxSubscribers) R(475, U32, maxFragmentsPendingReassembly)
	R(476, U32, addressPoolHighThreshold) R(477, U32, addressPoolLowThreshold)
	R(478, U32, addressPortMappingHighThreshold) R(479, U32, addressPortMappingLowThreshold)
	R(480, U32, addressPortMappingPerUserHighThreshold)
	R(481, U32, globalAddressMappingHighThreshold) R(482, OCTETS, vpnIdentifier)
	R(483, U32, bgpCommunity) R(484, LIST, bgpSourceCommunityList)
	R(485, LIST, bgpDestinationCommunityList) R(486, OCTETS, bgpExtendedCommunity)
	R(487, LIST, bgpSourceExtendedCommunityList)
	R(488, LIST, bgpDestinationExtendedCommunityList) R(489, OCTETS, bgpLargeCommunity)
	R(490, LIST, bgpSourceLargeCommunityList) R(491, LIST, bgpDestinationLargeCommunityList)
	R(492, U8, srhFlagsIPv6) R(493, U16, srhTagIPv6) R(494, IPV6, srhSegmentIPv6)
	R(495, IPV6, srhActiveSegmentIPv6) R(496, LIST, srhSegmentIPv6BasicList)
	R(497, OCTETS, srhSegmentIPv6ListSection) R(498, U8, srhSegmentsIPv6Left)
	R(499, OCTETS, srhIPv6Section) R(500, U8, srhIPv6ActiveSegmentType)
	R(501, U8, srhSegmentIPv6LocatorLength) R(502, U16, srhSegmentIPv6EndpointBehavior)
	R(503, U16, transportChecksum) R(504, OCTETS, icmpHeaderPacketSection)
	R(505, U8, gtpuFlags) R(506, U8, gtpuMsgType) R(507, U32, gtpuTEid)
	R(508, U16, gtpuSequenceNum) R(509, U8, gtpuQFI) R(510, U8, gtpuPduType)
	R(511, LIST, bgpSourceAsPathList) R(512, LIST, bgpDestinationAsPathList)
	R(513, U8, ipv6ExtensionHeaderType) R(514, U8, ipv6ExtensionHeaderCount)
	R(515, U256, ipv6ExtensionHeadersFull) R(516, STL, ipv6ExtensionHeaderTypeCountList)
	R(517, BOOL, ipv6ExtensionHeadersLimit) R(518, U32, ipv6ExtensionHeadersChainLength)
	R(519, STL, ipv6ExtensionHeaderChainLengthList) R(520, U256, tcpOptionsFull)
	R(521, U16, tcpSharedOptionExID16) R(522, U32, tcpSharedOptionExID32)
	R(523, LIST, tcpSharedOptionExID16List) R(524, LIST, tcpSharedOptionExID32List)
	R(525, U256, udpSafeOptions) R(526, U64, udpUnsafeOptions) R(527, U16, udpExID)
	R(528, LIST, udpSafeExIDList) R(529, LIST, udpUnsafeExIDList)
	R(530, U32, pathDelayMeanDeltaMicroseconds) R(531, U32, pathDelayMinDeltaMicroseconds)
	R(532, U32, pathDelayMaxDeltaMicroseconds) R(533, U64, pathDelaySumDeltaMicroseconds)
};
/* clang-format on */

/* Names and full sizes, by the numbers of RFC 5610 3.1 and the IANA registry after it. */
static const struct ie_data_type data_types[DATA_N_TYPES] = {
	[DATA_OCTETS] = { "octetArray", 0 },
	[DATA_U8] = { "unsigned8", 1 },
	[DATA_U16] = { "unsigned16", 2 },
	[DATA_U32] = { "unsigned32", 4 },
	[DATA_U64] = { "unsigned64", 8 },
	[DATA_S8] = { "signed8", 1 },
	[DATA_S16] = { "signed16", 2 },
	[DATA_S32] = { "signed32", 4 },
	[DATA_S64] = { "signed64", 8 },
	[DATA_F32] = { "float32", 4 },
	[DATA_F64] = { "float64", 8 },
	[DATA_BOOL] = { "boolean", 1 },
	[DATA_MAC] = { "macAddress", 6 },
	[DATA_STRING] = { "string", 0 },
	[DATA_SEC] = { "dateTimeSeconds", 4 },
	[DATA_MSEC] = { "dateTimeMilliseconds", 8 },
	[DATA_USEC] = { "dateTimeMicroseconds", 8 },
	[DATA_NSEC] = { "dateTimeNanoseconds", 8 },
	[DATA_IPV4] = { "ipv4Address", 4 },
	[DATA_IPV6] = { "ipv6Address", 16 },
	[DATA_LIST] = { "basicList", 0 },
	[DATA_STL] = { "subTemplateList", 0 },
	[DATA_STML] = { "subTemplateMultiList", 0 },
	[DATA_U256] = { "unsigned256", 32 },
};

const struct ie_registered *ie_registered_by_id(uint16_t id)
{
	size_t low = 0, high = ARRAY_SIZE(registry);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (registry[mid].id == id)
			return &registry[mid];
		if (registry[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct ie_registered *ie_registered_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(registry); i++) {
		const char *have = registry[i].name;

		if (tolower((unsigned char)name[0]) == tolower((unsigned char)have[0]) && name[0] &&
		    strcmp(name + 1, have + 1) == 0)
			return &registry[i];
	}
	return NULL;
}

bool ie_is_registered(const char *name)
{
	return ie_registered_by_name(name);
}

const struct ie_data_type *ie_data_type(enum ie_data type)
{
	return type < DATA_N_TYPES && data_types[type].name ? &data_types[type] : NULL;
}

//! From Windows to this crate: every member of the object model, and its name here. This module has
//! only documentation; [`differences`](crate::differences) says what differs.
//!
//! # How names are made
//!
//! - `ConnectAsync` is [`connect`](DatagramSocket::connect): without `Async`, in Rust's letters. It
//!   returns an [`Operation`], which has started.
//! - A property is a method, and a `set_` method if it can be set. `get_` is dropped.
//! - Overloads have names of their own: [`connect`](DatagramSocket::connect),
//!   [`connect_pair`](DatagramSocket::connect_pair).
//! - An object that may be null is an [`Option`]. A string is a `&str`, and never null.
//! - An event is a method `on_…`, which returns a token, and a method `remove_…`, which takes it.
//! - Enumerations have the numbers of Windows, and convert from them (`TryFrom`).
//!
//! # A program
//!
//! The calls of Windows are the comments.
//!
//! ```
//! use std::sync::mpsc;
//! use std::time::Duration;
//!
//! use udpair_winrt::{DataWriter, DatagramSocket, EndpointPair, HostName};
//!
//! # fn main() -> udpair_winrt::Result<()> {
//! // var listener = new DatagramSocket();
//! let listener = DatagramSocket::new();
//! // listener.MessageReceived += (sender, args) => { ... };
//! listener.on_message_received(|sender, args| {
//!     // var stream = await sender.GetOutputStreamAsync(args.RemoteAddress, args.RemotePort);
//!     let stream = sender.output_stream_to(&args.remote_address(), &args.remote_port());
//!     // await stream.WriteAsync(args.GetDataReader().DetachBuffer());
//!     let payload = args.data_reader().and_then(|reader| reader.detach_buffer());
//!     let sent = payload.and_then(|payload| stream.get()?.write(&payload).get());
//!     println!("{sent:?}");
//! })?;
//! // await listener.BindEndpointAsync(new HostName("127.0.0.1"), "");
//! listener.bind_endpoint(Some(&HostName::new("127.0.0.1")?), "").get()?;
//!
//! // var socket = new DatagramSocket();
//! let socket = DatagramSocket::new();
//! // socket.Control.OutboundUnicastHopLimit = 32;
//! socket.control().set_outbound_unicast_hop_limit(32)?;
//! let (sender, replies) = mpsc::channel();
//! socket.on_message_received(move |_, args| drop(sender.send(args)))?;
//! // var pair = new EndpointPair(null, "", new HostName("127.0.0.1"), listener.Information.LocalPort);
//! let port = listener.information().local_port();
//! let pair = EndpointPair::new(None, "", HostName::new("127.0.0.1")?, &port)?;
//! // await socket.ConnectAsync(pair);
//! socket.connect_pair(&pair).get()?;
//! // var writer = new DataWriter(socket.OutputStream);
//! let writer = DataWriter::with_stream(socket.output_stream()?);
//! // writer.WriteUInt32(writer.MeasureString("Très"));
//! writer.write_u32(writer.measure_string("Très")?)?;
//! // writer.WriteString("Très");
//! writer.write_string("Très")?;
//! // await writer.StoreAsync();
//! writer.store().get()?;
//!
//! let args = replies.recv_timeout(Duration::from_secs(20)).unwrap();
//! let reader = args.data_reader()?;
//! // reader.ReadString(reader.ReadUInt32());
//! assert_eq!(reader.read_string(reader.read_u32()?)?, "Très");
//! // socket.Dispose();
//! socket.close();
//! # Ok(())
//! # }
//! ```
//!
//! # A program that awaits
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> udpair_winrt::Result<()> {
//! use udpair_winrt::{AsyncStatus, DatagramSocket, HostName, HostNameSortOptions, SocketError, SocketErrorStatus};
//!
//! let host = HostName::new("localhost")?;
//! // var pairs = await DatagramSocket.GetEndpointPairsAsync(host, "9", HostNameSortOptions.None);
//! let pairs = DatagramSocket::endpoint_pairs_with(&host, "9", HostNameSortOptions::None).await?;
//! let socket = DatagramSocket::new();
//! for pair in &pairs {
//!     // try { await socket.ConnectAsync(pair); break; }
//!     let connecting = socket.connect_pair(pair);
//!     match (&connecting).await {
//!         Ok(()) => break,
//!         // catch (Exception e) { if (SocketError.GetStatus(e.HResult) == SocketErrorStatus.Unknown) throw; }
//!         Err(error) if SocketError::status(error.code()) == SocketErrorStatus::Unknown => return Err(error),
//!         Err(_) => assert_eq!(connecting.status(), AsyncStatus::Error),
//!     }
//! }
//! assert_eq!(socket.information().remote_port(), "9");
//! # Ok(())
//! # }
//! ```
//!
//! # `Windows.Networking.Sockets`: `DatagramSocket`
//!
//! | Windows | here |
//! |---|---|
//! | `DatagramSocket()` | [`new`](DatagramSocket::new); [`with_builder`](DatagramSocket::with_builder) with a resolver of one's own |
//! | `BindEndpointAsync(host, service)` | [`bind_endpoint`](DatagramSocket::bind_endpoint) |
//! | `BindServiceNameAsync(service)` | [`bind_service_name`](DatagramSocket::bind_service_name) |
//! | `BindServiceNameAsync(service, adapter)` | [`bind_service_name_on`](DatagramSocket::bind_service_name_on) |
//! | `CancelIOAsync()` | [`cancel_io`](DatagramSocket::cancel_io) |
//! | `Close()` | [`close`](DatagramSocket::close); dropping the last handle |
//! | `ConnectAsync(endpointPair)` | [`connect_pair`](DatagramSocket::connect_pair) |
//! | `ConnectAsync(host, service)` | [`connect`](DatagramSocket::connect) |
//! | `Control` | [`control`](DatagramSocket::control) |
//! | `EnableTransferOwnership(taskId)`, `(taskId, action)` | [`enable_transfer_ownership`](DatagramSocket::enable_transfer_ownership), [`enable_transfer_ownership_with`](DatagramSocket::enable_transfer_ownership_with) |
//! | `GetEndpointPairsAsync(host, service)`, `(host, service, sortOptions)` | [`endpoint_pairs`](DatagramSocket::endpoint_pairs), [`endpoint_pairs_with`](DatagramSocket::endpoint_pairs_with) |
//! | `GetOutputStreamAsync(host, service)` | [`output_stream_to`](DatagramSocket::output_stream_to) |
//! | `GetOutputStreamAsync(endpointPair)` | [`output_stream_to_pair`](DatagramSocket::output_stream_to_pair) |
//! | `Information` | [`information`](DatagramSocket::information) |
//! | `JoinMulticastGroup(host)` | [`join_multicast_group`](DatagramSocket::join_multicast_group) |
//! | `MessageReceived` | [`on_message_received`](DatagramSocket::on_message_received), [`remove_message_received`](DatagramSocket::remove_message_received) |
//! | `OutputStream` | [`output_stream`](DatagramSocket::output_stream) |
//! | `TransferOwnership(socketId)`, `(socketId, data)`, `(socketId, data, keepAliveTime)` | [`transfer_ownership`](DatagramSocket::transfer_ownership), [`transfer_ownership_with`](DatagramSocket::transfer_ownership_with), [`transfer_ownership_with_keep_alive`](DatagramSocket::transfer_ownership_with_keep_alive) |
//!
//! # `DatagramSocketControl`, `DatagramSocketInformation`
//!
//! | Windows | here |
//! |---|---|
//! | `DontFragment` | [`dont_fragment`](DatagramSocketControl::dont_fragment), [`set_dont_fragment`](DatagramSocketControl::set_dont_fragment) |
//! | `InboundBufferSizeInBytes` | [`inbound_buffer_size_in_bytes`](DatagramSocketControl::inbound_buffer_size_in_bytes), [`set_inbound_buffer_size_in_bytes`](DatagramSocketControl::set_inbound_buffer_size_in_bytes) |
//! | `MulticastOnly` | [`multicast_only`](DatagramSocketControl::multicast_only), [`set_multicast_only`](DatagramSocketControl::set_multicast_only) |
//! | `OutboundUnicastHopLimit` | [`outbound_unicast_hop_limit`](DatagramSocketControl::outbound_unicast_hop_limit), [`set_outbound_unicast_hop_limit`](DatagramSocketControl::set_outbound_unicast_hop_limit) |
//! | `QualityOfService` | [`quality_of_service`](DatagramSocketControl::quality_of_service), [`set_quality_of_service`](DatagramSocketControl::set_quality_of_service) |
//! | `LocalAddress`, `LocalPort` | [`local_address`](DatagramSocketInformation::local_address), [`local_port`](DatagramSocketInformation::local_port) |
//! | `RemoteAddress`, `RemotePort` | [`remote_address`](DatagramSocketInformation::remote_address), [`remote_port`](DatagramSocketInformation::remote_port) |
//!
//! # `DatagramSocketMessageReceivedEventArgs`
//!
//! It is [`MessageReceivedEventArgs`].
//!
//! | Windows | here |
//! |---|---|
//! | `GetDataReader()` | [`data_reader`](MessageReceivedEventArgs::data_reader) |
//! | `GetDataStream()` | [`data_stream`](MessageReceivedEventArgs::data_stream) |
//! | `LocalAddress` | [`local_address`](MessageReceivedEventArgs::local_address) |
//! | `RemoteAddress`, `RemotePort` | [`remote_address`](MessageReceivedEventArgs::remote_address), [`remote_port`](MessageReceivedEventArgs::remote_port) |
//!
//! # `SocketError` and enumerations
//!
//! | Windows | here |
//! |---|---|
//! | `SocketError.GetStatus(hresult)` | [`status`](SocketError::status) |
//! | `SocketErrorStatus`, 0 to 30 | [`SocketErrorStatus`], with the same names |
//! | `SocketQualityOfService`: `Normal`, `LowLatency` | [`Normal`](SocketQualityOfService::Normal), [`LowLatency`](SocketQualityOfService::LowLatency) |
//!
//! # The socket broker
//!
//! The types exist, a broker does not: `TransferOwnership` fails with `E_NOTIMPL`.
//!
//! | Windows | here |
//! |---|---|
//! | `SocketActivityConnectedStandbyAction`: `DoNotWake`, `Wake` | [`DoNotWake`](SocketActivityConnectedStandbyAction::DoNotWake), [`Wake`](SocketActivityConnectedStandbyAction::Wake) |
//! | `SocketActivityKind`: `None`, `StreamSocketListener`, `DatagramSocket`, `StreamSocket` | [`None`](SocketActivityKind::None), [`StreamSocketListener`](SocketActivityKind::StreamSocketListener), [`DatagramSocket`](SocketActivityKind::DatagramSocket), [`StreamSocket`](SocketActivityKind::StreamSocket) |
//! | `SocketActivityTriggerReason`: `None`, `SocketActivity`, `ConnectionAccepted`, `KeepAliveTimerExpired`, `SocketClosed` | [`None`](SocketActivityTriggerReason::None), [`SocketActivity`](SocketActivityTriggerReason::SocketActivity), [`ConnectionAccepted`](SocketActivityTriggerReason::ConnectionAccepted), [`KeepAliveTimerExpired`](SocketActivityTriggerReason::KeepAliveTimerExpired), [`SocketClosed`](SocketActivityTriggerReason::SocketClosed) |
//! | `SocketActivityContext(data)`, `Data` | [`new`](SocketActivityContext::new), [`data`](SocketActivityContext::data) |
//! | `SocketActivityInformation.AllSockets` | [`all_sockets`](SocketActivityInformation::all_sockets) |
//! | `Context`, `Id`, `SocketKind`, `TaskId` | [`context`](SocketActivityInformation::context), [`id`](SocketActivityInformation::id), [`socket_kind`](SocketActivityInformation::socket_kind), [`task_id`](SocketActivityInformation::task_id) |
//! | `DatagramSocket`, `StreamSocket`, `StreamSocketListener` | [`reclaim_datagram_socket`](SocketActivityInformation::reclaim_datagram_socket), [`reclaim_stream_socket`](SocketActivityInformation::reclaim_stream_socket), [`reclaim_stream_socket_listener`](SocketActivityInformation::reclaim_stream_socket_listener) |
//! | `SocketActivityTriggerDetails`: `Reason`, `SocketInformation` | [`reason`](SocketActivityTriggerDetails::reason), [`socket_information`](SocketActivityTriggerDetails::socket_information) |
//! | `SocketActivityTrigger()`, `IsWakeFromLowPowerSupported` | [`new`](SocketActivityTrigger::new), [`is_wake_from_low_power_supported`](SocketActivityTrigger::is_wake_from_low_power_supported) |
//!
//! # `Windows.Networking`: `HostName`, `EndpointPair`
//!
//! | Windows | here |
//! |---|---|
//! | `HostName(text)` | [`new`](HostName::new), `text.parse()` |
//! | `CanonicalName`, `DisplayName`, `RawName` | [`canonical_name`](HostName::canonical_name), [`display_name`](HostName::display_name), [`raw_name`](HostName::raw_name) |
//! | `Compare(value1, value2)` | [`compare`](HostName::compare) |
//! | `IPInformation` | [`ip_information`](HostName::ip_information) |
//! | `IsEqual(hostName)` | [`is_equal`](HostName::is_equal), `==` |
//! | `ToString()` | `to_string`, [`Display`](std::fmt::Display) |
//! | `Type` | [`kind`](HostName::kind) |
//! | `HostNameType`: `DomainName`, `Ipv4`, `Ipv6`, `Bluetooth` | [`DomainName`](HostNameType::DomainName), [`Ipv4`](HostNameType::Ipv4), [`Ipv6`](HostNameType::Ipv6), [`Bluetooth`](HostNameType::Bluetooth) |
//! | `HostNameSortOptions`: `None`, `OptimizeForLongConnections` | [`None`](HostNameSortOptions::None), [`OptimizeForLongConnections`](HostNameSortOptions::OptimizeForLongConnections) |
//! | `DomainNameType`: `Suffix`, `FullyQualified` | [`Suffix`](DomainNameType::Suffix), [`FullyQualified`](DomainNameType::FullyQualified) |
//! | `EndpointPair(localHost, localService, remoteHost, remoteService)` | [`new`](EndpointPair::new) |
//! | `LocalHostName` | [`local_host_name`](EndpointPair::local_host_name), [`set_local_host_name`](EndpointPair::set_local_host_name) |
//! | `LocalServiceName` | [`local_service_name`](EndpointPair::local_service_name), [`set_local_service_name`](EndpointPair::set_local_service_name) |
//! | `RemoteHostName` | [`remote_host_name`](EndpointPair::remote_host_name), [`set_remote_host_name`](EndpointPair::set_remote_host_name) |
//! | `RemoteServiceName` | [`remote_service_name`](EndpointPair::remote_service_name), [`set_remote_service_name`](EndpointPair::set_remote_service_name) |
//!
//! # `Windows.Networking.Connectivity`
//!
//! `NetworkInformation` is the module [`network_information`].
//!
//! | Windows | here |
//! |---|---|
//! | `NetworkAdapter.GetConnectedProfileAsync()` | [`connected_profile`](NetworkAdapter::connected_profile) |
//! | `IanaInterfaceType` | [`iana_interface_type`](NetworkAdapter::iana_interface_type) |
//! | `InboundMaxBitsPerSecond`, `OutboundMaxBitsPerSecond` | [`inbound_max_bits_per_second`](NetworkAdapter::inbound_max_bits_per_second), [`outbound_max_bits_per_second`](NetworkAdapter::outbound_max_bits_per_second) |
//! | `NetworkAdapterId`, `NetworkItem` | [`network_adapter_id`](NetworkAdapter::network_adapter_id), [`network_item`](NetworkAdapter::network_item) |
//! | `IPInformation`: `NetworkAdapter`, `PrefixLength` | [`network_adapter`](IpInformation::network_adapter), [`prefix_length`](IpInformation::prefix_length) |
//! | `NetworkItem`: `GetNetworkTypes()`, `NetworkId` | [`network_types`](NetworkItem::network_types), [`network_id`](NetworkItem::network_id) |
//! | `NetworkTypes`: `None`, `Internet`, `PrivateNetwork` | [`None`](NetworkTypes::None), [`Internet`](NetworkTypes::Internet), [`PrivateNetwork`](NetworkTypes::PrivateNetwork) |
//! | `NetworkInformation.GetHostNames()` | [`host_names`](network_information::host_names) |
//! | `GetSortedEndpointPairs(destinationList, sortOptions)` | [`sorted_endpoint_pairs`](network_information::sorted_endpoint_pairs) |
//! | `GetInternetConnectionProfile()` | [`internet_connection_profile`](network_information::internet_connection_profile) |
//! | `NetworkStatusChanged` | [`on_network_status_changed`](network_information::on_network_status_changed), [`remove_network_status_changed`](network_information::remove_network_status_changed) |
//! | `GetConnectionProfiles()`, `FindConnectionProfilesAsync(filter)`, `GetLanIdentifiers()`, `GetProxyConfigurationAsync(uri)` | [`connection_profiles`](network_information::connection_profiles), [`find_connection_profiles`](network_information::find_connection_profiles), [`lan_identifiers`](network_information::lan_identifiers), [`proxy_configuration`](network_information::proxy_configuration): `E_NOTIMPL` |
//! | `ConnectionProfile`: `ProfileName`, `NetworkAdapter` | [`profile_name`](ConnectionProfile::profile_name), [`network_adapter`](ConnectionProfile::network_adapter) |
//!
//! # `Windows.Storage.Streams`: buffers and streams
//!
//! The interfaces are the traits [`IBuffer`], [`IInputStream`] and [`IOutputStream`], for types of the
//! application; [`Buffer`], [`InputStream`] and [`OutputStream`] hold any of them.
//!
//! | Windows | here |
//! |---|---|
//! | `IInputStream`: `ReadAsync(buffer, count, options)`, `Close()` | [`read`](InputStream::read), [`close`](InputStream::close) |
//! | `IOutputStream`: `WriteAsync(buffer)`, `FlushAsync()`, `Close()` | [`write`](OutputStream::write), [`flush`](OutputStream::flush), [`close`](OutputStream::close) |
//! | `IBuffer`: `Capacity`, `Length` | [`capacity`](IBuffer::capacity), [`length`](IBuffer::length), [`set_length`](IBuffer::set_length) |
//! | `Buffer(capacity)` | [`with_capacity`](Buffer::with_capacity), `from` a vector |
//! | `Capacity`, `Length` | [`capacity`](Buffer::capacity), [`length`](Buffer::length), [`set_length`](Buffer::set_length) |
//! | `data()` in C++ | [`to_bytes`](Buffer::to_bytes), [`with_mut`](Buffer::with_mut) |
//! | `CreateCopyFromMemoryBuffer(input)` | [`copy_from`](Buffer::copy_from) |
//! | `CreateMemoryBufferOverIBuffer(input)` | [`as_memory`](Buffer::as_memory) |
//! | `ByteOrder`: `LittleEndian`, `BigEndian` | [`LittleEndian`](ByteOrder::LittleEndian), [`BigEndian`](ByteOrder::BigEndian) |
//! | `UnicodeEncoding`: `Utf8`, `Utf16LE`, `Utf16BE` | [`Utf8`](UnicodeEncoding::Utf8), [`Utf16LE`](UnicodeEncoding::Utf16LE), [`Utf16BE`](UnicodeEncoding::Utf16BE) |
//! | `InputStreamOptions`: `None`, `Partial`, `ReadAhead` | [`None`](InputStreamOptions::None), [`Partial`](InputStreamOptions::Partial), [`ReadAhead`](InputStreamOptions::ReadAhead) |
//!
//! # `DataReader`
//!
//! | Windows | here |
//! |---|---|
//! | `DataReader(inputStream)` | [`new`](DataReader::new) |
//! | `FromBuffer(buffer)` | [`from_buffer`](DataReader::from_buffer) |
//! | `ByteOrder` | [`byte_order`](DataReader::byte_order), [`set_byte_order`](DataReader::set_byte_order) |
//! | `InputStreamOptions` | [`input_stream_options`](DataReader::input_stream_options), [`set_input_stream_options`](DataReader::set_input_stream_options) |
//! | `UnicodeEncoding` | [`unicode_encoding`](DataReader::unicode_encoding), [`set_unicode_encoding`](DataReader::set_unicode_encoding) |
//! | `UnconsumedBufferLength` | [`unconsumed_buffer_length`](DataReader::unconsumed_buffer_length) |
//! | `LoadAsync(count)` | [`load`](DataReader::load) |
//! | `DetachBuffer()`, `DetachStream()`, `Close()` | [`detach_buffer`](DataReader::detach_buffer), [`detach_stream`](DataReader::detach_stream), [`close`](DataReader::close) |
//! | `ReadBuffer(length)`, `ReadBytes(value)`, `ReadString(codeUnitCount)` | [`read_buffer`](DataReader::read_buffer), [`read_bytes`](DataReader::read_bytes), [`read_string`](DataReader::read_string) |
//! | `ReadBoolean()`, `ReadByte()` | [`read_bool`](DataReader::read_bool), [`read_u8`](DataReader::read_u8) |
//! | `ReadInt16()`, `ReadInt32()`, `ReadInt64()` | [`read_i16`](DataReader::read_i16), [`read_i32`](DataReader::read_i32), [`read_i64`](DataReader::read_i64) |
//! | `ReadUInt16()`, `ReadUInt32()`, `ReadUInt64()` | [`read_u16`](DataReader::read_u16), [`read_u32`](DataReader::read_u32), [`read_u64`](DataReader::read_u64) |
//! | `ReadSingle()`, `ReadDouble()` | [`read_f32`](DataReader::read_f32), [`read_f64`](DataReader::read_f64) |
//! | `ReadGuid()`, `ReadDateTime()`, `ReadTimeSpan()` | [`read_guid`](DataReader::read_guid), [`read_date_time`](DataReader::read_date_time), [`read_time_span`](DataReader::read_time_span) |
//!
//! # `DataWriter`
//!
//! | Windows | here |
//! |---|---|
//! | `DataWriter()`, `DataWriter(outputStream)` | [`new`](DataWriter::new), [`with_stream`](DataWriter::with_stream) |
//! | `ByteOrder` | [`byte_order`](DataWriter::byte_order), [`set_byte_order`](DataWriter::set_byte_order) |
//! | `UnicodeEncoding` | [`unicode_encoding`](DataWriter::unicode_encoding), [`set_unicode_encoding`](DataWriter::set_unicode_encoding) |
//! | `UnstoredBufferLength` | [`unstored_buffer_length`](DataWriter::unstored_buffer_length) |
//! | `MeasureString(value)` | [`measure_string`](DataWriter::measure_string); [`measure_utf16`](DataWriter::measure_utf16) |
//! | `StoreAsync()`, `FlushAsync()` | [`store`](DataWriter::store), [`flush`](DataWriter::flush) |
//! | `DetachBuffer()`, `DetachStream()`, `Close()` | [`detach_buffer`](DataWriter::detach_buffer), [`detach_stream`](DataWriter::detach_stream), [`close`](DataWriter::close) |
//! | `WriteBuffer(buffer)`, `(buffer, start, count)` | [`write_buffer`](DataWriter::write_buffer), [`write_buffer_range`](DataWriter::write_buffer_range) |
//! | `WriteBytes(value)` | [`write_bytes`](DataWriter::write_bytes) |
//! | `WriteString(value)` | [`write_string`](DataWriter::write_string); [`write_utf16`](DataWriter::write_utf16) |
//! | `WriteBoolean(value)`, `WriteByte(value)` | [`write_bool`](DataWriter::write_bool), [`write_u8`](DataWriter::write_u8) |
//! | `WriteInt16(value)`, `WriteInt32(value)`, `WriteInt64(value)` | [`write_i16`](DataWriter::write_i16), [`write_i32`](DataWriter::write_i32), [`write_i64`](DataWriter::write_i64) |
//! | `WriteUInt16(value)`, `WriteUInt32(value)`, `WriteUInt64(value)` | [`write_u16`](DataWriter::write_u16), [`write_u32`](DataWriter::write_u32), [`write_u64`](DataWriter::write_u64) |
//! | `WriteSingle(value)`, `WriteDouble(value)` | [`write_f32`](DataWriter::write_f32), [`write_f64`](DataWriter::write_f64) |
//! | `WriteGuid(value)`, `WriteDateTime(value)`, `WriteTimeSpan(value)` | [`write_guid`](DataWriter::write_guid), [`write_date_time`](DataWriter::write_date_time), [`write_time_span`](DataWriter::write_time_span) |
//!
//! # `Windows.Foundation`
//!
//! | Windows | here |
//! |---|---|
//! | `IAsyncAction`, `IAsyncActionWithProgress<P>` | [`Action`], [`ActionWithProgress`] |
//! | `IAsyncOperation<T>`, `IAsyncOperationWithProgress<T, P>` | [`Operation`], [`OperationWithProgress`] |
//! | `DataReaderLoadOperation`, `DataWriterStoreOperation` | [`DataReaderLoadOperation`], [`DataWriterStoreOperation`] |
//! | `Cancel()`, `Close()` | [`cancel`](Operation::cancel), [`close`](Operation::close) |
//! | `Completed` | [`set_completed`](Operation::set_completed); `await`, [`get`](Operation::get) |
//! | `Progress` | [`set_progress`](Operation::set_progress) |
//! | `ErrorCode` | [`error_code`](Operation::error_code), [`error`](Operation::error) |
//! | `GetResults()` | [`get_results`](Operation::get_results) |
//! | `Id`, `Status` | [`id`](Operation::id), [`status`](Operation::status) |
//! | `AsyncStatus`: `Started`, `Completed`, `Canceled`, `Error` | [`Started`](AsyncStatus::Started), [`Completed`](AsyncStatus::Completed), [`Canceled`](AsyncStatus::Canceled), [`Error`](AsyncStatus::Error) |
//! | `IClosable.Close()` | `close`; dropping the last handle of a socket |
//! | `EventRegistrationToken.Value` | [`value`](EventToken::value) |
//! | `IStringable.ToString()` | [`Display`](std::fmt::Display) |
//! | `DateTime`, `TimeSpan`, `Guid` | [`DateTime`], [`TimeSpan`], [`Guid`] |
//! | `HRESULT` | [`HResult`], [`hresult`], [`code`](Error::code) |
//!
//! # `Windows.Security.Cryptography`
//!
//! | Windows | here |
//! |---|---|
//! | `CryptographicBuffer.ConvertStringToBinary(value, encoding)` | [`convert_string_to_binary`](CryptographicBuffer::convert_string_to_binary); [`convert_utf16_to_binary`](CryptographicBuffer::convert_utf16_to_binary) |
//! | `CryptographicBuffer.ConvertBinaryToString(encoding, buffer)` | [`convert_binary_to_string`](CryptographicBuffer::convert_binary_to_string) |
//! | `BinaryStringEncoding`: `Utf8`, `Utf16LE`, `Utf16BE` | [`Utf8`](BinaryStringEncoding::Utf8), [`Utf16LE`](BinaryStringEncoding::Utf16LE), [`Utf16BE`](BinaryStringEncoding::Utf16BE) |

#[allow(unused_imports, reason = "the documentation links to these")]
use crate::{
    Action, ActionWithProgress, AsyncStatus, BinaryStringEncoding, Buffer, ByteOrder,
    ConnectionProfile, CryptographicBuffer, DataReader, DataReaderLoadOperation, DataWriter,
    DataWriterStoreOperation, DatagramSocket, DatagramSocketControl, DatagramSocketInformation,
    DateTime, DomainNameType, EndpointPair, Error, EventToken, Guid, HResult, HostName,
    HostNameSortOptions, HostNameType, IBuffer, IInputStream, IOutputStream, InputStream,
    InputStreamOptions, IpInformation, MessageReceivedEventArgs, NetworkAdapter, NetworkItem,
    NetworkTypes, Operation, OperationWithProgress, OutputStream,
    SocketActivityConnectedStandbyAction, SocketActivityContext, SocketActivityInformation,
    SocketActivityKind, SocketActivityTrigger, SocketActivityTriggerDetails,
    SocketActivityTriggerReason, SocketError, SocketErrorStatus, SocketQualityOfService, TimeSpan,
    UnicodeEncoding, hresult, network_information,
};

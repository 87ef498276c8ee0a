// Text, names, arrays, buffers, readers and writers.

#include "check.h"

using namespace std::string_view_literals;

// HOST-01: text of both widths, with surrogates as pairs, and NUL inside.
TEST(text_is_converted_without_loss)
{
    auto const wide = L"a\u00e9\u20ac"sv;
    CHECK_EQUAL(to_string(wide), "a\xc3\xa9\xe2\x82\xac");
    CHECK_EQUAL(to_hstring("a\xc3\xa9\xe2\x82\xac"), wide);
    CHECK_EQUAL(to_string(L"\xd83d\xde00"sv), "\xf0\x9f\x98\x80");
    CHECK_EQUAL(to_string(std::wstring_view(L"a\0b", 3)), std::string("a\0b", 3));
    CHECK_EQUAL(to_hstring("\xf0\x9f\x98\x80").size(), sizeof(wchar_t) == 2 ? 2u : 1u);
    CHECK_EQUAL(to_string(L"\xd800x"sv), "\xef\xbf\xbdx");
    for (auto const* malformed : { "\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80" })
    {
        auto const text = to_hstring(malformed);
        CHECK_EQUAL(text.front(), L'\xfffd');
    }
    hstring text = L"one";
    text = text + L" two" + std::wstring_view(L"!");
    text += L"?";
    CHECK_EQUAL(text, L"one two!?");
    CHECK(text > L"one" && hstring() < text && hstring().empty());
    CHECK_EQUAL(hstring().c_str()[0], L'\0');
    CHECK_EQUAL(to_hstring(-5), L"-5");
    CHECK_EQUAL(to_hstring(true), L"true");
    CHECK_EQUAL(to_hstring(5LL), L"5");
    CHECK_EQUAL(to_hstring(uint8_t{ 200 }), L"200");
    CHECK_EQUAL(to_hstring(18446744073709551615ull), L"18446744073709551615");
    CHECK_EQUAL(to_hstring(L'x'), L"x");
    CHECK_CODE(impl::error_invalid_argument, hstring(static_cast<wchar_t const*>(nullptr)));
}

// HOST-02, HOST-03, HOST-04, HOST-12, HOST-13, HOST-15, HOST-16: host names.
TEST(host_names)
{
    HostName const name(L"B\u00fccher.Example.");
    CHECK_EQUAL(name.RawName(), L"B\u00fccher.Example.");
    CHECK_EQUAL(name.CanonicalName(), L"xn--bcher-kva.example");
    CHECK_EQUAL(name.DisplayName(), L"B\u00fccher.Example");
    CHECK_EQUAL(name.ToString(), name.DisplayName());
    CHECK_EQUAL(name.Type(), HostNameType::DomainName);
    CHECK_EQUAL(HostName(L"::1").Type(), HostNameType::Ipv6);
    CHECK(name.IsEqual(HostName(L"xn--bcher-kva.example")));
    CHECK(!name.IsEqual(nullptr));
    CHECK_EQUAL(HostName::Compare(L"a", L"B"), -1);
    CHECK_EQUAL(HostName::Compare(L"A", L"a"), 0);
    CHECK_CODE(impl::error_invalid_argument, HostName::Compare(L"", L"a"));
    CHECK_CODE(impl::error_invalid_argument, HostName(hstring(L"a\0b", 3)));
}

// EPP-01, EPP-02, EPP-04: endpoint pairs keep what they are given.
TEST(endpoint_pairs)
{
    EndpointPair const pair(nullptr, L"", HostName(L"contoso.com"), L"stun");
    CHECK(!pair.LocalHostName());
    pair.LocalHostName(HostName(L"127.0.0.1"));
    pair.LocalServiceName(L"5004");
    pair.RemoteServiceName(L"");
    pair.RemoteHostName(HostName(L"example.test"));
    CHECK_EQUAL(pair.LocalHostName().RawName(), L"127.0.0.1");
    CHECK_EQUAL(pair.LocalServiceName(), L"5004");
    CHECK_EQUAL(pair.RemoteServiceName(), L"");
    CHECK_EQUAL(pair.RemoteHostName().RawName(), L"example.test");
    CHECK_CODE(impl::error_invalid_argument, pair.RemoteHostName(nullptr));
    pair.LocalHostName(nullptr);
    CHECK(!pair.LocalHostName());
    EndpointPair const same = pair;
    CHECK(same == pair);
}

// BUF-01, BUF-02, BUF-03: the bytes of a buffer are in place.
TEST(buffers)
{
    Buffer const buffer(4);
    CHECK_EQUAL(buffer.Capacity(), 4u);
    CHECK_EQUAL(buffer.Length(), 0u);
    std::copy_n("abcd", 4, buffer.data());
    buffer.Length(3);
    CHECK_CODE(impl::error_invalid_argument, buffer.Length(5));
    auto const reader = DataReader::FromBuffer(buffer);
    CHECK_EQUAL(reader.ReadString(3), L"abc");
    auto const memory = Buffer::CreateMemoryBufferOverIBuffer(buffer);
    memory.CreateReference().data()[0] = 'A';
    CHECK_EQUAL(buffer.data()[0], 'A');
    auto const copy = Buffer::CreateCopyFromMemoryBuffer(memory);
    CHECK_EQUAL(copy.Length(), 3u);
    CHECK_EQUAL(copy.data()[0], 'A');
    memory.Close();
    CHECK_CODE(impl::error_closed, memory.CreateReference());
    CHECK_EQUAL(Buffer(0).Length(), 0u);
    // A large capacity costs nothing.
    CHECK_EQUAL(Buffer(0xffffffff).Capacity(), 0xffffffffu);
}

// DR-01 to DR-16, DW-01 to DW-15: every value comes back.
TEST(values_come_back)
{
    guid const id(0x00112233, 0x4455, 0x6677, { 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff });
    CHECK(guid("{00112233-4455-6677-8899-aabbccddeeff}") == id);
    CHECK_EQUAL(to_hstring(id), L"{00112233-4455-6677-8899-aabbccddeeff}");
    CHECK_CODE(impl::error_invalid_argument, guid("{00112233}"));
    auto const moment = clock::from_time_t(1'700'000'000);
    for (auto const order : { ByteOrder::LittleEndian, ByteOrder::BigEndian })
    {
        DataWriter const writer;
        CHECK_EQUAL(writer.ByteOrder(), ByteOrder::BigEndian);
        writer.ByteOrder(order);
        writer.WriteBoolean(true);
        writer.WriteByte(255);
        writer.WriteInt16(-2);
        writer.WriteInt32(-3);
        writer.WriteInt64(-4);
        writer.WriteUInt16(65535);
        writer.WriteUInt32(4294967295u);
        writer.WriteUInt64(18446744073709551615u);
        writer.WriteSingle(1.5f);
        writer.WriteDouble(-2.5);
        writer.WriteGuid(id);
        writer.WriteDateTime(moment);
        writer.WriteTimeSpan(std::chrono::seconds(-1));
        writer.WriteBytes({ 1, 2, 3 });
        std::vector<uint8_t> const more{ 4, 5 };
        writer.WriteBytes(more);
        CHECK_EQUAL(writer.MeasureString(L"Tr\u00e8s"), 5u);
        CHECK_EQUAL(writer.WriteString(L"Tr\u00e8s"), 5u);
        writer.UnicodeEncoding(UnicodeEncoding::Utf16LE);
        CHECK_EQUAL(writer.UnicodeEncoding(), UnicodeEncoding::Utf16LE);
        CHECK_EQUAL(writer.WriteString(L"\U0001f600"), 2u);
        CHECK_CODE(impl::error_no_unicode, writer.WriteString(L"\xdc00"));
        auto const length = writer.UnstoredBufferLength();
        auto const buffer = writer.DetachBuffer();
        CHECK_EQUAL(buffer.Length(), length);
        writer.WriteBuffer(buffer, 1, 2);
        CHECK_EQUAL(writer.UnstoredBufferLength(), 2u);
        CHECK_CODE(impl::error_invalid_argument, writer.WriteBuffer(buffer, length, 1));
        CHECK_CODE(impl::error_invalid_argument, writer.WriteBuffer(nullptr));

        auto const reader = DataReader::FromBuffer(buffer);
        reader.ByteOrder(order);
        CHECK_EQUAL(reader.ByteOrder(), order);
        CHECK(reader.ReadBoolean());
        CHECK_EQUAL(reader.ReadByte(), 255);
        CHECK_EQUAL(reader.ReadInt16(), -2);
        CHECK_EQUAL(reader.ReadInt32(), -3);
        CHECK_EQUAL(reader.ReadInt64(), -4);
        CHECK_EQUAL(reader.ReadUInt16(), 65535);
        CHECK_EQUAL(reader.ReadUInt32(), 4294967295u);
        CHECK_EQUAL(reader.ReadUInt64(), 18446744073709551615u);
        CHECK_EQUAL(reader.ReadSingle(), 1.5f);
        CHECK_EQUAL(reader.ReadDouble(), -2.5);
        CHECK(reader.ReadGuid() == id);
        CHECK(reader.ReadDateTime() == moment);
        CHECK(reader.ReadTimeSpan() == std::chrono::seconds(-1));
        std::array<uint8_t, 3> bytes{};
        reader.ReadBytes(bytes);
        CHECK_EQUAL(bytes[2], 3);
        CHECK_EQUAL(reader.ReadBuffer(2).data()[1], 5);
        CHECK_EQUAL(reader.ReadString(5), L"Tr\u00e8s");
        reader.UnicodeEncoding(UnicodeEncoding::Utf16LE);
        CHECK_EQUAL(to_string(reader.ReadString(2)), "\xf0\x9f\x98\x80");
        CHECK_EQUAL(reader.UnconsumedBufferLength(), 0u);
        CHECK_CODE(impl::error_out_of_bounds, reader.ReadByte());
    }
    CHECK_EQUAL(clock::to_time_t(moment), 1'700'000'000);
}

// DR-04 to DR-06, DR-17, DR-18, STR-01, STR-04: a reader loads from a stream.
TEST(readers_load_from_streams)
{
    test::peer const peer;
    DatagramSocket const socket;
    test::channel<IInputStream> streams;
    socket.MessageReceived([&](auto&&, auto&& args) { streams.put(args.GetDataStream()); });
    socket.BindEndpointAsync(test::loopback(), L"").get();
    for (int number = 0; number < 2; ++number)
    {
        peer.send("hello", socket.Information().LocalPort());
    }
    auto const direct = streams.take();
    Buffer const buffer(10);
    auto const read = direct.ReadAsync(buffer, 4, InputStreamOptions::Partial).get();
    CHECK(read == buffer);
    CHECK_EQUAL(std::string_view(reinterpret_cast<char const*>(buffer.data()), buffer.Length()),
        "hell");
    CHECK_CODE(impl::error_invalid_argument, direct.ReadAsync(buffer, 11, InputStreamOptions::None));
    direct.Close();
    CHECK_CODE(impl::error_closed, direct.ReadAsync(buffer, 1, InputStreamOptions::None));

    DataReader const reader(streams.take());
    reader.InputStreamOptions(InputStreamOptions::Partial | InputStreamOptions::ReadAhead);
    CHECK_EQUAL(reader.InputStreamOptions() & InputStreamOptions::Partial,
        InputStreamOptions::Partial);
    CHECK_EQUAL(reader.LoadAsync(3).get(), 3u);
    DataReaderLoadOperation const load = reader.LoadAsync(100);
    CHECK_EQUAL(load.get(), 2u);
    CHECK_EQUAL(reader.ReadString(5), L"hello");
    CHECK_EQUAL(reader.LoadAsync(1).get(), 0u);
    auto const stream = reader.DetachStream();
    CHECK_CODE(impl::error_illegal_method_call, reader.LoadAsync(1));
    reader.Close();
    CHECK_CODE(impl::error_closed, reader.UnconsumedBufferLength());
}

// DW-08, DW-13, DW-16, OUT-17, OUT-18: a writer stores one datagram, and closes its stream.
TEST(writers_store_datagrams)
{
    test::peer const peer;
    DatagramSocket const socket;
    socket.ConnectAsync(test::loopback(), peer.port_text()).get();
    DataWriter const writer(socket.OutputStream());
    CHECK_EQUAL(writer.StoreAsync().get(), 0u);
    writer.WriteUInt16(0x6162);
    writer.WriteString(L"c");
    DataWriterStoreOperation const store = writer.StoreAsync();
    CHECK_EQUAL(store.get(), 3u);
    CHECK_EQUAL(peer.receive().first, "abc");
    CHECK(writer.FlushAsync().get());
    auto const stream = writer.DetachStream();
    CHECK(stream == socket.OutputStream());
    CHECK_CODE(impl::error_illegal_method_call, writer.DetachStream());
    stream.Close();
    Buffer const empty(0);
    CHECK_CODE(impl::error_closed, stream.WriteAsync(empty));
    writer.Close();
    CHECK_CODE(impl::error_closed, writer.WriteByte(1));
    CHECK_CODE(impl::error_illegal_method_call, DataWriter().StoreAsync(); throw hresult_error(0));
}

// DR-13, DR-14: text and arrays as buffers, without a reader or a writer.
TEST(buffers_of_text)
{
    using namespace Windows::Security::Cryptography;
    for (auto const encoding : { BinaryStringEncoding::Utf8, BinaryStringEncoding::Utf16LE,
             BinaryStringEncoding::Utf16BE })
    {
        auto const buffer = CryptographicBuffer::ConvertStringToBinary(L"Tr\u00e8s", encoding);
        CHECK_EQUAL(buffer.Length(), encoding == BinaryStringEncoding::Utf8 ? 5u : 8u);
        CHECK_EQUAL(CryptographicBuffer::ConvertBinaryToString(encoding, buffer), L"Tr\u00e8s");
    }
    std::vector<uint8_t> const bytes{ 'a', 0xff, 'c' };
    auto const buffer = CryptographicBuffer::CreateFromByteArray(bytes);
    com_array<uint8_t> copy;
    CryptographicBuffer::CopyToByteArray(buffer, copy);
    CHECK(std::equal(copy.begin(), copy.end(), bytes.begin(), bytes.end()));
    for (auto const encoding : { BinaryStringEncoding::Utf8, BinaryStringEncoding::Utf16LE })
    {
        CHECK_CODE(impl::error_no_unicode,
            CryptographicBuffer::ConvertBinaryToString(encoding, buffer));
    }
}

// Arrays are views of anything in a row.
TEST(arrays)
{
    uint8_t raw[]{ 1, 2 };
    std::vector<uint8_t> vector{ 3 };
    CHECK_EQUAL(array_view<uint8_t>(raw).size(), 2u);
    CHECK_EQUAL(array_view<uint8_t const>(vector)[0], 3);
    CHECK_CODE(impl::error_out_of_bounds,
        try { array_view<uint8_t>(raw).at(2); } catch (std::exception const&) {
            throw hresult_error(to_hresult());
        });
    com_array<uint8_t> owned{ 4, 5, 6 };
    CHECK_EQUAL(array_view<uint8_t>(owned).size(), 3u);
    auto const numbers = single_threaded_vector<int>({ 1, 2 });
    numbers.Append(3);
    CHECK_EQUAL(numbers.GetView().Size(), 3u);
    uint32_t index{};
    CHECK(numbers.IndexOf(2, index) && index == 1);
    auto iterator = numbers.GetView().First();
    CHECK_EQUAL(iterator.Current(), 1);
    CHECK(iterator.MoveNext() && iterator.MoveNext() && !iterator.MoveNext());
    CHECK_CODE(impl::error_out_of_bounds, iterator.Current());
    CHECK_EQUAL(IReference<uint8_t>(uint8_t{ 7 }).Value(), 7);
}

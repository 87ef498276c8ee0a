// Windows.Storage.Streams: buffers, streams, readers and writers.
#pragma once

#include "Windows.Foundation.h"

namespace winrt::Windows
{
    namespace Foundation
    {
        struct IMemoryBufferReference;
        struct IMemoryBuffer;
        struct MemoryBuffer;
    }

    namespace Storage::Streams
    {
        enum class ByteOrder : int32_t
        {
            LittleEndian = 0,
            BigEndian = 1,
        };

        enum class UnicodeEncoding : int32_t
        {
            Utf8 = 0,
            Utf16LE = 1,
            Utf16BE = 2,
        };

        enum class InputStreamOptions : uint32_t
        {
            None = 0,
            Partial = 0x1,
            ReadAhead = 0x2,
        };

        constexpr InputStreamOptions operator|(
            InputStreamOptions left, InputStreamOptions right) noexcept
        {
            return static_cast<InputStreamOptions>(
                static_cast<uint32_t>(left) | static_cast<uint32_t>(right));
        }
        constexpr InputStreamOptions operator&(
            InputStreamOptions left, InputStreamOptions right) noexcept
        {
            return static_cast<InputStreamOptions>(
                static_cast<uint32_t>(left) & static_cast<uint32_t>(right));
        }
        constexpr InputStreamOptions operator~(InputStreamOptions value) noexcept
        {
            return static_cast<InputStreamOptions>(~static_cast<uint32_t>(value));
        }

        // Bytes with a fixed capacity and a length up to it.
        struct IBuffer : impl::reference<udpair_buffer>
        {
            using reference::reference;

            uint32_t Capacity() const noexcept { return udpair_buffer_capacity(abi()); }
            uint32_t Length() const noexcept { return udpair_buffer_length(abi()); }
            void Length(uint32_t value) const
            {
                impl::check(udpair_buffer_set_length(abi(), value));
            }

            // The bytes themselves, as many as the capacity.
            uint8_t* data() const
            {
                uint8_t* start{};
                impl::check(udpair_buffer_data(abi(), &start));
                return start;
            }
        };

        struct Buffer : IBuffer
        {
            using IBuffer::IBuffer;

            explicit Buffer(uint32_t capacity) : IBuffer(nullptr)
            {
                impl::check(udpair_buffer_new(capacity, put()));
            }

            // So that a literal 0 is a capacity, and not a null.
            explicit Buffer(int capacity) : Buffer(static_cast<uint32_t>(capacity)) {}

            static Buffer CreateCopyFromMemoryBuffer(Foundation::IMemoryBuffer const& input);
            static Foundation::MemoryBuffer CreateMemoryBufferOverIBuffer(IBuffer const& input);
        };

        // Where bytes come from.
        struct IInputStream : impl::reference<udpair_input_stream>
        {
            using reference::reference;

            Foundation::IAsyncOperationWithProgress<IBuffer, uint32_t> ReadAsync(
                IBuffer const& buffer, uint32_t count, InputStreamOptions options) const
            {
                return impl::started<Foundation::IAsyncOperationWithProgress<IBuffer, uint32_t>,
                    IBuffer>([&](auto out) {
                    return udpair_input_stream_read(
                        abi(), buffer.abi(), count, static_cast<uint32_t>(options), out);
                });
            }
            void Close() const noexcept { udpair_input_stream_close(abi()); }
        };

        // Where bytes go: one write is one datagram.
        struct IOutputStream : impl::reference<udpair_output_stream>
        {
            using reference::reference;

            Foundation::IAsyncOperationWithProgress<uint32_t, uint32_t> WriteAsync(
                IBuffer const& buffer) const
            {
                udpair_bytes const bytes{ buffer ? buffer.data() : nullptr,
                    buffer ? buffer.Length() : 1 };
                return impl::started<Foundation::IAsyncOperationWithProgress<uint32_t, uint32_t>,
                    uint32_t>(
                    [&](auto out) { return udpair_output_stream_write(abi(), bytes, out); });
            }
            Foundation::IAsyncOperation<bool> FlushAsync() const
            {
                return impl::started<Foundation::IAsyncOperation<bool>, bool>(
                    [&](auto out) { return udpair_output_stream_flush(abi(), out); });
            }
            void Close() const noexcept { udpair_output_stream_close(abi()); }
        };

        // The number of bytes that were loaded.
        struct DataReaderLoadOperation : Foundation::IAsyncOperation<uint32_t>
        {
            using IAsyncOperation::IAsyncOperation;
        };

        // The number of bytes that were stored.
        struct DataWriterStoreOperation : Foundation::IAsyncOperation<uint32_t>
        {
            using IAsyncOperation::IAsyncOperation;
        };

        // Reads values from a stream or a buffer.
        struct IDataReader : impl::reference<udpair_reader>
        {
            using reference::reference;

            Streams::ByteOrder ByteOrder() const
            {
                int32_t value{};
                impl::check(udpair_reader_byte_order(abi(), &value));
                return static_cast<Streams::ByteOrder>(value);
            }
            void ByteOrder(Streams::ByteOrder value) const
            {
                impl::check(udpair_reader_set_byte_order(abi(), static_cast<int32_t>(value)));
            }
            Streams::UnicodeEncoding UnicodeEncoding() const
            {
                int32_t value{};
                impl::check(udpair_reader_unicode_encoding(abi(), &value));
                return static_cast<Streams::UnicodeEncoding>(value);
            }
            void UnicodeEncoding(Streams::UnicodeEncoding value) const
            {
                impl::check(
                    udpair_reader_set_unicode_encoding(abi(), static_cast<int32_t>(value)));
            }
            Streams::InputStreamOptions InputStreamOptions() const
            {
                uint32_t value{};
                impl::check(udpair_reader_input_stream_options(abi(), &value));
                return static_cast<Streams::InputStreamOptions>(value);
            }
            void InputStreamOptions(Streams::InputStreamOptions value) const
            {
                impl::check(
                    udpair_reader_set_input_stream_options(abi(), static_cast<uint32_t>(value)));
            }
            uint32_t UnconsumedBufferLength() const
            {
                uint32_t value{};
                impl::check(udpair_reader_unconsumed_buffer_length(abi(), &value));
                return value;
            }

            DataReaderLoadOperation LoadAsync(uint32_t count) const
            {
                return impl::started<DataReaderLoadOperation, uint32_t>(
                    [&](auto out) { return udpair_reader_load(abi(), count, out); });
            }
            IBuffer DetachBuffer() const
            {
                return impl::made<IBuffer>(
                    [&](auto out) { return udpair_reader_detach_buffer(abi(), out); });
            }
            IInputStream DetachStream() const
            {
                return impl::made<IInputStream>(
                    [&](auto out) { return udpair_reader_detach_stream(abi(), out); });
            }

        uint8_t ReadByte() const
            {
                uint8_t value{};
                impl::check(udpair_reader_read_u8(abi(), &value));
                return static_cast<uint8_t>(value);
            }
            int16_t ReadInt16() const
            {
                uint16_t value{};
                impl::check(udpair_reader_read_u16(abi(), &value));
                return static_cast<int16_t>(value);
            }
            int32_t ReadInt32() const
            {
                uint32_t value{};
                impl::check(udpair_reader_read_u32(abi(), &value));
                return static_cast<int32_t>(value);
            }
            int64_t ReadInt64() const
            {
                uint64_t value{};
                impl::check(udpair_reader_read_u64(abi(), &value));
                return static_cast<int64_t>(value);
            }
            uint16_t ReadUInt16() const
            {
                uint16_t value{};
                impl::check(udpair_reader_read_u16(abi(), &value));
                return static_cast<uint16_t>(value);
            }
            uint32_t ReadUInt32() const
            {
                uint32_t value{};
                impl::check(udpair_reader_read_u32(abi(), &value));
                return static_cast<uint32_t>(value);
            }
            uint64_t ReadUInt64() const
            {
                uint64_t value{};
                impl::check(udpair_reader_read_u64(abi(), &value));
                return static_cast<uint64_t>(value);
            }
            float ReadSingle() const
            {
                float value{};
                impl::check(udpair_reader_read_f32(abi(), &value));
                return static_cast<float>(value);
            }
            double ReadDouble() const
            {
                double value{};
                impl::check(udpair_reader_read_f64(abi(), &value));
                return static_cast<double>(value);
            }
            bool ReadBoolean() const
            {
                bool value{};
                impl::check(udpair_reader_read_bool(abi(), &value));
                return static_cast<bool>(value);
            }

            IBuffer ReadBuffer(uint32_t length) const
            {
                return impl::made<IBuffer>(
                    [&](auto out) { return udpair_reader_read_buffer(abi(), length, out); });
            }
            void ReadBytes(array_view<uint8_t> value) const
            {
                impl::check(udpair_reader_read_bytes(abi(), value.data(), value.size()));
            }
            Foundation::DateTime ReadDateTime() const
            {
                return Foundation::DateTime(Foundation::TimeSpan(ReadInt64()));
            }
            Foundation::TimeSpan ReadTimeSpan() const
            {
                return Foundation::TimeSpan(ReadInt64());
            }
            guid ReadGuid() const
            {
                udpair_guid value{};
                impl::check(udpair_reader_read_guid(abi(), &value));
                return impl::from_abi(value);
            }
            hstring ReadString(uint32_t codeUnitCount) const
            {
                return impl::text([&](auto out) {
                    return udpair_reader_read_string(abi(), codeUnitCount, out);
                });
            }
        };

        struct DataReader : IDataReader
        {
            using IDataReader::IDataReader;

            explicit DataReader(IInputStream const& inputStream) : IDataReader(nullptr)
            {
                impl::check(udpair_reader_new(inputStream.abi(), put()));
            }

            static DataReader FromBuffer(IBuffer const& buffer)
            {
                return impl::made<DataReader>(
                    [&](auto out) { return udpair_reader_from_buffer(buffer.abi(), out); });
            }

            void Close() const noexcept { udpair_reader_close(abi()); }
        };

        // Writes values, which are then stored in a stream.
        struct IDataWriter : impl::reference<udpair_writer>
        {
            using reference::reference;

            Streams::ByteOrder ByteOrder() const
            {
                int32_t value{};
                impl::check(udpair_writer_byte_order(abi(), &value));
                return static_cast<Streams::ByteOrder>(value);
            }
            void ByteOrder(Streams::ByteOrder value) const
            {
                impl::check(udpair_writer_set_byte_order(abi(), static_cast<int32_t>(value)));
            }
            Streams::UnicodeEncoding UnicodeEncoding() const
            {
                int32_t value{};
                impl::check(udpair_writer_unicode_encoding(abi(), &value));
                return static_cast<Streams::UnicodeEncoding>(value);
            }
            void UnicodeEncoding(Streams::UnicodeEncoding value) const
            {
                impl::check(
                    udpair_writer_set_unicode_encoding(abi(), static_cast<int32_t>(value)));
            }
            uint32_t UnstoredBufferLength() const
            {
                uint32_t value{};
                impl::check(udpair_writer_unstored_buffer_length(abi(), &value));
                return value;
            }
            uint32_t MeasureString(param::hstring const& value) const
            {
                auto const text = impl::utf8(value);
                uint32_t count{};
                impl::check(udpair_writer_measure_string(abi(), impl::text_of(text), &count));
                return count;
            }

            DataWriterStoreOperation StoreAsync() const
            {
                return impl::started<DataWriterStoreOperation, uint32_t>(
                    [&](auto out) { return udpair_writer_store(abi(), out); });
            }
            Foundation::IAsyncOperation<bool> FlushAsync() const
            {
                return impl::started<Foundation::IAsyncOperation<bool>, bool>(
                    [&](auto out) { return udpair_writer_flush(abi(), out); });
            }
            IBuffer DetachBuffer() const
            {
                return impl::made<IBuffer>(
                    [&](auto out) { return udpair_writer_detach_buffer(abi(), out); });
            }
            IOutputStream DetachStream() const
            {
                return impl::made<IOutputStream>(
                    [&](auto out) { return udpair_writer_detach_stream(abi(), out); });
            }

        void WriteByte(uint8_t value) const
            {
                impl::check(udpair_writer_write_u8(abi(), static_cast<uint8_t>(value)));
            }
            void WriteInt16(int16_t value) const
            {
                impl::check(udpair_writer_write_u16(abi(), static_cast<uint16_t>(value)));
            }
            void WriteInt32(int32_t value) const
            {
                impl::check(udpair_writer_write_u32(abi(), static_cast<uint32_t>(value)));
            }
            void WriteInt64(int64_t value) const
            {
                impl::check(udpair_writer_write_u64(abi(), static_cast<uint64_t>(value)));
            }
            void WriteUInt16(uint16_t value) const
            {
                impl::check(udpair_writer_write_u16(abi(), static_cast<uint16_t>(value)));
            }
            void WriteUInt32(uint32_t value) const
            {
                impl::check(udpair_writer_write_u32(abi(), static_cast<uint32_t>(value)));
            }
            void WriteUInt64(uint64_t value) const
            {
                impl::check(udpair_writer_write_u64(abi(), static_cast<uint64_t>(value)));
            }
            void WriteSingle(float value) const
            {
                impl::check(udpair_writer_write_f32(abi(), static_cast<float>(value)));
            }
            void WriteDouble(double value) const
            {
                impl::check(udpair_writer_write_f64(abi(), static_cast<double>(value)));
            }
            void WriteBoolean(bool value) const
            {
                impl::check(udpair_writer_write_bool(abi(), static_cast<bool>(value)));
            }

            void WriteBuffer(IBuffer const& buffer) const
            {
                impl::check(udpair_writer_write_buffer(abi(), buffer.abi()));
            }
            void WriteBuffer(IBuffer const& buffer, uint32_t start, uint32_t count) const
            {
                impl::check(udpair_writer_write_buffer_range(abi(), buffer.abi(), start, count));
            }
            void WriteBytes(array_view<uint8_t const> value) const
            {
                impl::check(
                    udpair_writer_write_bytes(abi(), udpair_bytes{ value.data(), value.size() }));
            }
            void WriteDateTime(Foundation::DateTime const& value) const
            {
                WriteInt64(value.time_since_epoch().count());
            }
            void WriteTimeSpan(Foundation::TimeSpan const& value) const
            {
                WriteInt64(value.count());
            }
            void WriteGuid(guid const& value) const
            {
                impl::check(udpair_writer_write_guid(abi(), impl::to_abi(value)));
            }
            uint32_t WriteString(param::hstring const& value) const
            {
                auto const text = impl::utf8(value);
                uint32_t count{};
                impl::check(udpair_writer_write_string(abi(), impl::text_of(text), &count));
                return count;
            }
        };

        struct DataWriter : IDataWriter
        {
            using IDataWriter::IDataWriter;

            DataWriter() : IDataWriter(nullptr) { impl::check(udpair_writer_new(nullptr, put())); }
            explicit DataWriter(IOutputStream const& outputStream) : IDataWriter(nullptr)
            {
                if (!outputStream)
                {
                    throw hresult_invalid_argument(L"the output stream is null");
                }
                impl::check(udpair_writer_new(outputStream.abi(), put()));
            }

            void Close() const noexcept { udpair_writer_close(abi()); }
        };
    }

    namespace Foundation
    {
        // The bytes of a memory buffer, until it is closed.
        struct IMemoryBufferReference
        {
            IMemoryBufferReference(std::nullptr_t) noexcept : m_buffer(nullptr) {}
            explicit IMemoryBufferReference(Storage::Streams::IBuffer buffer) noexcept
                : m_buffer(std::move(buffer))
            {
            }

            uint32_t Capacity() const noexcept { return m_buffer.Capacity(); }
            uint8_t* data() const { return m_buffer.data(); }
            void Close() noexcept { m_buffer = nullptr; }

        private:
            Storage::Streams::IBuffer m_buffer;
        };

        // A view of a buffer: what is written to one is seen in the other. Copies are the same view.
        struct IMemoryBuffer
        {
            IMemoryBuffer(std::nullptr_t) noexcept {}
            explicit IMemoryBuffer(Storage::Streams::IBuffer const& buffer)
                : m_buffer(std::make_shared<Storage::Streams::IBuffer>(buffer))
            {
            }

            IMemoryBufferReference CreateReference() const
            {
                return IMemoryBufferReference(buffer());
            }
            void Close() const noexcept
            {
                if (m_buffer)
                {
                    *m_buffer = nullptr;
                }
            }

            // Fails once the view is closed.
            Storage::Streams::IBuffer buffer() const
            {
                if (!m_buffer)
                {
                    throw hresult_invalid_argument(L"the memory buffer is null");
                }
                if (!*m_buffer)
                {
                    throw hresult_error(impl::error_closed, L"the memory buffer is closed");
                }
                return *m_buffer;
            }

        private:
            std::shared_ptr<Storage::Streams::IBuffer> m_buffer;
        };

        struct MemoryBuffer : IMemoryBuffer
        {
            using IMemoryBuffer::IMemoryBuffer;

            explicit MemoryBuffer(uint32_t capacity)
                : IMemoryBuffer(Storage::Streams::Buffer(capacity))
            {
            }
        };
    }

    namespace Storage::Streams
    {
        inline Buffer Buffer::CreateCopyFromMemoryBuffer(Foundation::IMemoryBuffer const& input)
        {
            auto const buffer = input.buffer();
            udpair_bytes const bytes{ buffer.data(), buffer.Length() };
            return impl::made<Buffer>([&](auto out) { return udpair_buffer_copy_of(bytes, out); });
        }
        inline Foundation::MemoryBuffer Buffer::CreateMemoryBufferOverIBuffer(IBuffer const& input)
        {
            if (!input)
            {
                throw hresult_invalid_argument(L"the buffer is null");
            }
            return Foundation::MemoryBuffer(input);
        }
    }
}

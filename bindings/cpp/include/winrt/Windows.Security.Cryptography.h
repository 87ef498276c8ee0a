// Windows.Security.Cryptography: buffers as text and as arrays.
#pragma once

#include "Windows.Storage.Streams.h"

namespace winrt::Windows::Security::Cryptography
{
    enum class BinaryStringEncoding : int32_t
    {
        Utf8 = 0,
        Utf16LE = 1,
        Utf16BE = 2,
    };

    // Conversions of buffers, which programs use without a reader or a writer.
    struct CryptographicBuffer
    {
        CryptographicBuffer() = delete;

        static Storage::Streams::IBuffer ConvertStringToBinary(
            param::hstring const& value, BinaryStringEncoding encoding)
        {
            Storage::Streams::DataWriter const writer;
            writer.UnicodeEncoding(static_cast<Storage::Streams::UnicodeEncoding>(encoding));
            writer.WriteString(value);
            return writer.DetachBuffer();
        }
        static hstring ConvertBinaryToString(
            BinaryStringEncoding encoding, Storage::Streams::IBuffer const& buffer)
        {
            uint32_t const unit = encoding == BinaryStringEncoding::Utf8 ? 1 : 2;
            if (buffer.Length() % unit != 0)
            {
                throw hresult_error(impl::error_no_unicode, L"the text has half a code unit");
            }
            auto const reader = Storage::Streams::DataReader::FromBuffer(buffer);
            reader.UnicodeEncoding(static_cast<Storage::Streams::UnicodeEncoding>(encoding));
            return reader.ReadString(buffer.Length() / unit);
        }
        static Storage::Streams::IBuffer CreateFromByteArray(array_view<uint8_t const> value)
        {
            udpair_bytes const bytes{ value.data(), value.size() };
            return impl::made<Storage::Streams::IBuffer>(
                [&](auto out) { return udpair_buffer_copy_of(bytes, out); });
        }
        static void CopyToByteArray(
            Storage::Streams::IBuffer const& buffer, com_array<uint8_t>& value)
        {
            auto const start = buffer.data();
            value = com_array<uint8_t>(start, start + buffer.Length());
        }
    };
}

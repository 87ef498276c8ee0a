// GUIDs.
#pragma once

#include "errors.h"

#include <array>
#include <cstring>

namespace winrt
{
    struct guid
    {
        uint32_t Data1{};
        uint16_t Data2{};
        uint16_t Data3{};
        uint8_t Data4[8]{};

        constexpr guid() noexcept = default;
        constexpr guid(uint32_t const first, uint16_t const second, uint16_t const third,
            std::array<uint8_t, 8> const& rest) noexcept
            : Data1(first), Data2(second), Data3(third),
              Data4{ rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7] }
        {
        }

        // Reads the usual form, in braces or without.
        explicit guid(std::string_view text) : guid(parse(text)) {}
        explicit guid(std::wstring_view text) : guid(parse(impl::name(text))) {}

        friend bool operator==(guid const& left, guid const& right) noexcept
        {
            return std::memcmp(&left, &right, sizeof(guid)) == 0;
        }
        friend bool operator<(guid const& left, guid const& right) noexcept
        {
            return std::memcmp(&left, &right, sizeof(guid)) < 0;
        }

    private:
        static guid parse(std::string_view text)
        {
            if (text.size() == 38 && text.front() == '{' && text.back() == '}')
            {
                text = text.substr(1, 36);
            }
            std::array<uint8_t, 16> bytes{};
            size_t digits = 0;
            for (size_t index = 0; index < text.size(); ++index)
            {
                auto const character = text[index];
                bool const is_hyphen = index == 8 || index == 13 || index == 18 || index == 23;
                if (is_hyphen && character == '-')
                {
                    continue;
                }
                int const value = character >= '0' && character <= '9' ? character - '0'
                    : character >= 'a' && character <= 'f'             ? character - 'a' + 10
                    : character >= 'A' && character <= 'F'             ? character - 'A' + 10
                                                                       : -1;
                if (is_hyphen || value < 0 || digits == 32)
                {
                    throw hresult_invalid_argument(L"the text is no GUID");
                }
                auto& byte = bytes[digits / 2];
                byte = static_cast<uint8_t>(byte * 16 + value);
                ++digits;
            }
            if (digits != 32 || text.size() != 36)
            {
                throw hresult_invalid_argument(L"the text is no GUID");
            }
            auto const number = [&](size_t from, size_t count) {
                uint32_t value = 0;
                for (size_t index = from; index < from + count; ++index)
                {
                    value = value * 256 + bytes[index];
                }
                return value;
            };
            return { number(0, 4), static_cast<uint16_t>(number(4, 2)),
                static_cast<uint16_t>(number(6, 2)),
                { bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14],
                    bytes[15] } };
        }
    };

    inline hstring to_hstring(guid const& value)
    {
        char text[39];
        std::snprintf(text, sizeof(text),
            "{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", static_cast<unsigned>(value.Data1),
            unsigned{ value.Data2 }, unsigned{ value.Data3 }, unsigned{ value.Data4[0] },
            unsigned{ value.Data4[1] }, unsigned{ value.Data4[2] }, unsigned{ value.Data4[3] },
            unsigned{ value.Data4[4] }, unsigned{ value.Data4[5] }, unsigned{ value.Data4[6] },
            unsigned{ value.Data4[7] });
        return to_hstring(std::string_view(text));
    }

    namespace impl
    {
        inline guid from_abi(udpair_guid const& value) noexcept
        {
            guid result;
            result.Data1 = value.data1;
            result.Data2 = value.data2;
            result.Data3 = value.data3;
            std::memcpy(result.Data4, value.data4, sizeof(result.Data4));
            return result;
        }
        inline udpair_guid to_abi(guid const& value) noexcept
        {
            udpair_guid result{ value.Data1, value.Data2, value.Data3, {} };
            std::memcpy(result.data4, value.Data4, sizeof(result.data4));
            return result;
        }
    }
}

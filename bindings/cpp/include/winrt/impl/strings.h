// hstring, and its conversions from and to UTF-8.
//
// A wchar_t has 32 bits on most systems, and 16 on Windows. A pair of surrogates is one character on
// both, so that text that was made for 16 bits keeps its meaning.
#pragma once

#include <udpair.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace winrt
{
    // Text that never changes. Copies share it. NUL may be inside.
    struct hstring
    {
        using value_type = wchar_t;
        using size_type = uint32_t;
        using const_reference = wchar_t const&;
        using const_pointer = wchar_t const*;
        using const_iterator = wchar_t const*;
        using const_reverse_iterator = std::reverse_iterator<const_iterator>;

        hstring() noexcept = default;
        hstring(std::nullptr_t) = delete;

        hstring(wchar_t const* text) : hstring(view_of(text)) {}
        hstring(wchar_t const* text, size_type size) : hstring(std::wstring_view(text, size)) {}
        hstring(std::initializer_list<wchar_t> text)
            : hstring(std::wstring_view(text.begin(), text.size()))
        {
        }
        explicit hstring(std::wstring_view const& text)
        {
            if (!text.empty())
            {
                m_text = std::make_shared<std::wstring const>(text);
            }
        }
        explicit hstring(std::wstring&& text)
        {
            if (!text.empty())
            {
                m_text = std::make_shared<std::wstring const>(std::move(text));
            }
        }

        hstring& operator=(std::nullptr_t) = delete;
        hstring& operator=(wchar_t const* text) { return *this = hstring(text); }
        hstring& operator=(std::wstring_view const& text) { return *this = hstring(text); }
        hstring& operator=(std::initializer_list<wchar_t> text) { return *this = hstring(text); }

        void clear() noexcept { m_text.reset(); }

        operator std::wstring_view() const noexcept
        {
            return m_text ? std::wstring_view(*m_text) : std::wstring_view(L"", 0);
        }

        const_pointer c_str() const noexcept { return std::wstring_view(*this).data(); }
        const_pointer data() const noexcept { return c_str(); }
        size_type size() const noexcept
        {
            return static_cast<size_type>(std::wstring_view(*this).size());
        }
        bool empty() const noexcept { return !m_text; }
        const_reference operator[](size_type index) const noexcept { return c_str()[index]; }
        const_reference front() const noexcept { return c_str()[0]; }
        const_reference back() const noexcept { return c_str()[size() - 1]; }

        const_iterator begin() const noexcept { return c_str(); }
        const_iterator end() const noexcept { return c_str() + size(); }
        const_iterator cbegin() const noexcept { return begin(); }
        const_iterator cend() const noexcept { return end(); }
        const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
        const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }

        bool starts_with(std::wstring_view const& text) const noexcept
        {
            return std::wstring_view(*this).starts_with(text);
        }
        bool ends_with(std::wstring_view const& text) const noexcept
        {
            return std::wstring_view(*this).ends_with(text);
        }

        friend void swap(hstring& left, hstring& right) noexcept { left.m_text.swap(right.m_text); }

        friend bool operator==(hstring const& left, hstring const& right) noexcept
        {
            return std::wstring_view(left) == std::wstring_view(right);
        }
        friend bool operator==(hstring const& left, wchar_t const* right)
        {
            return std::wstring_view(left) == view_of(right);
        }
        friend bool operator==(hstring const& left, std::wstring_view const& right) noexcept
        {
            return std::wstring_view(left) == right;
        }
        friend bool operator==(hstring const& left, std::wstring const& right) noexcept
        {
            return std::wstring_view(left) == right;
        }
        friend std::strong_ordering operator<=>(hstring const& left, hstring const& right) noexcept
        {
            return std::wstring_view(left) <=> std::wstring_view(right);
        }

        friend hstring operator+(hstring const& left, hstring const& right)
        {
            return join(left, right);
        }
        friend hstring operator+(hstring const& left, wchar_t const* right)
        {
            return join(left, view_of(right));
        }
        friend hstring operator+(wchar_t const* left, hstring const& right)
        {
            return join(view_of(left), right);
        }
        friend hstring operator+(hstring const& left, std::wstring_view const& right)
        {
            return join(left, right);
        }
        friend hstring operator+(std::wstring_view const& left, hstring const& right)
        {
            return join(left, right);
        }
        friend hstring operator+(hstring const& left, wchar_t right)
        {
            return join(left, std::wstring_view(&right, 1));
        }
        friend hstring operator+(wchar_t left, hstring const& right)
        {
            return join(std::wstring_view(&left, 1), right);
        }
        hstring& operator+=(std::wstring_view const& text) { return *this = join(*this, text); }

        friend std::wostream& operator<<(std::wostream& stream, hstring const& text)
        {
            return stream << std::wstring_view(text);
        }

    private:
        // Refuses a null pointer (see errors.h).
        static std::wstring_view view_of(wchar_t const* text);

        static hstring join(std::wstring_view left, std::wstring_view right)
        {
            std::wstring text;
            text.reserve(left.size() + right.size());
            text += left;
            text += right;
            return hstring(std::move(text));
        }

        // Null if the text is empty.
        std::shared_ptr<std::wstring const> m_text;
    };

    namespace impl
    {
        // Appends a character as UTF-8.
        inline void append_utf8(std::string& text, uint32_t character)
        {
            auto const byte = [&](uint32_t value) { text += static_cast<char>(value); };
            if (character < 0x80)
            {
                byte(character);
            }
            else if (character < 0x800)
            {
                byte(0xc0 | (character >> 6));
                byte(0x80 | (character & 0x3f));
            }
            else if (character < 0x10000)
            {
                byte(0xe0 | (character >> 12));
                byte(0x80 | ((character >> 6) & 0x3f));
                byte(0x80 | (character & 0x3f));
            }
            else
            {
                byte(0xf0 | (character >> 18));
                byte(0x80 | ((character >> 12) & 0x3f));
                byte(0x80 | ((character >> 6) & 0x3f));
                byte(0x80 | (character & 0x3f));
            }
        }

        constexpr bool is_high_surrogate(uint32_t unit) noexcept
        {
            return unit >= 0xd800 && unit < 0xdc00;
        }
        constexpr bool is_low_surrogate(uint32_t unit) noexcept
        {
            return unit >= 0xdc00 && unit < 0xe000;
        }

        // Writes text as UTF-8, U+FFFD in place of what is no character. Returns whether there was none.
        inline bool append_wide(std::string& text, std::wstring_view wide)
        {
            bool is_well_formed = true;
            text.reserve(text.size() + wide.size());
            for (size_t index = 0; index < wide.size(); ++index)
            {
                auto unit = static_cast<uint32_t>(wide[index]);
                auto const next
                    = index + 1 < wide.size() ? static_cast<uint32_t>(wide[index + 1]) : 0;
                if (is_high_surrogate(unit) && is_low_surrogate(next))
                {
                    unit = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
                    ++index;
                }
                else if ((unit >= 0xd800 && unit < 0xe000) || unit > 0x10ffff)
                {
                    unit = 0xfffd;
                    is_well_formed = false;
                }
                append_utf8(text, unit);
            }
            return is_well_formed;
        }

        inline void append_character(std::wstring& text, uint32_t character)
        {
            if (sizeof(wchar_t) == 2 && character >= 0x10000)
            {
                text += static_cast<wchar_t>(0xd800 + ((character - 0x10000) >> 10));
                text += static_cast<wchar_t>(0xdc00 + ((character - 0x10000) & 0x3ff));
            }
            else
            {
                text += static_cast<wchar_t>(character);
            }
        }

        // Returns UTF-8 as wide text, U+FFFD in place of each byte that is part of no character.
        inline std::wstring to_wide(std::string_view text)
        {
            std::wstring wide;
            wide.reserve(text.size());
            for (size_t index = 0; index < text.size();)
            {
                auto const at = [&](size_t offset) -> uint32_t {
                    return index + offset < text.size()
                        ? static_cast<unsigned char>(text[index + offset])
                        : 0;
                };
                auto const first = at(0);
                size_t const length = first < 0x80 ? 1
                    : first >= 0xc2 && first < 0xe0 ? 2
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xf0 && first < 0xf5 ? 4
                                                    : 0;
                uint32_t character = length == 1 ? first : first & (0x7fu >> length);
                bool is_well_formed = length > 0;
                for (size_t offset = 1; offset < length; ++offset)
                {
                    is_well_formed = is_well_formed && (at(offset) & 0xc0) == 0x80;
                    character = (character << 6) | (at(offset) & 0x3f);
                }
                is_well_formed = is_well_formed && !(length == 3 && character < 0x800)
                    && !(length == 4 && (character < 0x10000 || character > 0x10ffff))
                    && !(character >= 0xd800 && character < 0xe000);
                append_character(wide, is_well_formed ? character : 0xfffd);
                index += is_well_formed ? length : 1;
            }
            return wide;
        }

        // Takes text that a function has given.
        inline hstring take(udpair_string text)
        {
            struct freed
            {
                udpair_string text;
                ~freed() { udpair_string_free(text); }
            } const held{ text };
            return hstring(to_wide(std::string_view(text.data, text.length)));
        }

        inline udpair_text text_of(std::string_view text) noexcept
        {
            return { text.data(), text.size() };
        }
    }

    inline hstring to_hstring(std::string_view text) { return hstring(impl::to_wide(text)); }
    inline hstring to_hstring(char const* text) { return to_hstring(std::string_view(text)); }
    inline hstring to_hstring(hstring const& text) { return text; }
    inline hstring to_hstring(wchar_t const* text) { return hstring(text); }
    inline hstring to_hstring(bool value) { return value ? L"true" : L"false"; }
    inline hstring to_hstring(wchar_t value) { return hstring(std::wstring_view(&value, 1)); }
    template <typename T>
        requires std::is_integral_v<T> && (!std::is_same_v<T, char>)
    hstring to_hstring(T value)
    {
        if constexpr (std::is_signed_v<T>)
        {
            return hstring(std::to_wstring(static_cast<long long>(value)));
        }
        else
        {
            return hstring(std::to_wstring(static_cast<unsigned long long>(value)));
        }
    }
    inline hstring to_hstring(float value) { return hstring(std::to_wstring(value)); }
    inline hstring to_hstring(double value) { return hstring(std::to_wstring(value)); }

    // Returns text as UTF-8, with U+FFFD in place of what is no character.
    inline std::string to_string(std::wstring_view text)
    {
        std::string result;
        impl::append_wide(result, text);
        return result;
    }

    namespace param
    {
        // Text as an argument: any kind of it.
        struct hstring
        {
            hstring() noexcept = default;
            hstring(std::nullptr_t) = delete;
            hstring(winrt::hstring const& text) : m_text(text) {}
            hstring(std::wstring_view const& text) : m_text(text) {}
            hstring(std::wstring const& text) : m_text(std::wstring_view(text)) {}
            hstring(wchar_t const* text) : m_text(text) {}

            winrt::hstring const& text() const noexcept { return m_text; }
            operator std::wstring_view() const noexcept { return m_text; }

        private:
            winrt::hstring m_text;
        };
    }

    inline namespace literals
    {
        inline hstring operator""_hs(wchar_t const* text, size_t size)
        {
            return hstring(std::wstring_view(text, size));
        }
    }
}

template <>
struct std::hash<winrt::hstring>
{
    size_t operator()(winrt::hstring const& text) const noexcept
    {
        return std::hash<std::wstring_view>{}(text);
    }
};

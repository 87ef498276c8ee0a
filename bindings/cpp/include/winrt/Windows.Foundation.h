// Windows.Foundation: events, operations, optional values.
#pragma once

#include "base.h"

#include <optional>

namespace winrt::Windows::Foundation
{
    using EventRegistrationToken = event_token;

    // A handler of an event: it is called with what raised the event, and with its arguments.
    template <typename TSender, typename TArgs>
    struct TypedEventHandler : impl::delegate<TSender, TArgs>
    {
        using impl::delegate<TSender, TArgs>::delegate;
    };

    // What raised an event that is nobody's: always null.
    struct IInspectable
    {
        IInspectable(std::nullptr_t = nullptr) noexcept {}
        explicit operator bool() const noexcept { return false; }
    };

    template <typename TArgs>
    struct EventHandler : impl::delegate<IInspectable, TArgs>
    {
        using impl::delegate<IInspectable, TArgs>::delegate;
    };

    // A value, or none.
    template <typename T>
    struct IReference
    {
        IReference(std::nullptr_t = nullptr) noexcept {}
        IReference(T const& value) : m_value(value) {}

        T Value() const
        {
            if (!m_value)
            {
                throw hresult_invalid_argument(L"the reference is null");
            }
            return *m_value;
        }
        explicit operator bool() const noexcept { return m_value.has_value(); }
        friend bool operator==(IReference const& left, IReference const& right) noexcept
        {
            return left.m_value == right.m_value;
        }
        friend bool operator==(IReference const& left, std::nullptr_t) noexcept
        {
            return !left.m_value;
        }

    private:
        std::optional<T> m_value;
    };

    // The text of an address of the web. It is not parsed: only members take it that are not implemented.
    struct Uri
    {
        explicit Uri(param::hstring const& uri) : m_uri(uri.text()) {}
        hstring RawUri() const { return m_uri; }
        hstring ToString() const { return m_uri; }

    private:
        hstring m_uri;
    };
}

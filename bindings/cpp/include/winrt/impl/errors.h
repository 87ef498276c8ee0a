// Errors: an HRESULT and a text, thrown as hresult_error.
#pragma once

#include "strings.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

namespace winrt
{
    struct hresult
    {
        int32_t value{};

        constexpr hresult() noexcept = default;
        constexpr hresult(int32_t number) noexcept : value(number) {}
        constexpr operator int32_t() const noexcept { return value; }
    };

    namespace impl
    {
        constexpr int32_t hresult_of(uint32_t number) noexcept { return static_cast<int32_t>(number); }

        inline constexpr hresult error_ok{ 0 };
        inline constexpr hresult error_fail{ hresult_of(0x80004005) };
        inline constexpr hresult error_access_denied{ hresult_of(0x80070005) };
        inline constexpr hresult error_wrong_thread{ hresult_of(0x8001010e) };
        inline constexpr hresult error_not_implemented{ hresult_of(0x80004001) };
        inline constexpr hresult error_invalid_argument{ hresult_of(0x80070057) };
        inline constexpr hresult error_out_of_bounds{ hresult_of(0x8000000b) };
        inline constexpr hresult error_no_interface{ hresult_of(0x80004002) };
        inline constexpr hresult error_class_not_available{ hresult_of(0x80040111) };
        inline constexpr hresult error_class_not_registered{ hresult_of(0x80040154) };
        inline constexpr hresult error_changed_state{ hresult_of(0x8000000c) };
        inline constexpr hresult error_illegal_method_call{ hresult_of(0x8000000e) };
        inline constexpr hresult error_illegal_state_change{ hresult_of(0x8000000d) };
        inline constexpr hresult error_illegal_delegate_assignment{ hresult_of(0x80000018) };
        inline constexpr hresult error_canceled{ hresult_of(0x800704c7) };
        inline constexpr hresult error_aborted{ hresult_of(0x800703e3) };
        inline constexpr hresult error_bad_alloc{ hresult_of(0x8007000e) };
        inline constexpr hresult error_closed{ hresult_of(0x80000013) };
        inline constexpr hresult error_no_unicode{ hresult_of(0x80070459) };
    }

    // An error of any call. As in C++/WinRT, it is no std::exception.
    struct hresult_error
    {
        struct from_abi_t
        {
            explicit from_abi_t() = default;
        };
        static constexpr from_abi_t from_abi{};

        hresult_error() noexcept = default;
        explicit hresult_error(hresult const code) noexcept : m_code(code) {}
        hresult_error(hresult const code, param::hstring const& message)
            : m_code(code), m_message(message.text())
        {
        }
        virtual ~hresult_error() = default;
        hresult_error(hresult_error const&) = default;
        hresult_error& operator=(hresult_error const&) = default;

        hresult code() const noexcept { return m_code; }
        hstring message() const noexcept { return m_message; }

    private:
        hresult m_code{ impl::error_fail };
        hstring m_message;
    };

#define UDPAIR_HRESULT_CLASS(name, number)                                                        \
    struct name : hresult_error                                                                   \
    {                                                                                             \
        name() noexcept : hresult_error(number) {}                                                \
        name(param::hstring const& message) : hresult_error(number, message) {}                   \
        name(hresult const code, param::hstring const& message) : hresult_error(code, message) {} \
    };

    UDPAIR_HRESULT_CLASS(hresult_access_denied, impl::error_access_denied)
    UDPAIR_HRESULT_CLASS(hresult_wrong_thread, impl::error_wrong_thread)
    UDPAIR_HRESULT_CLASS(hresult_not_implemented, impl::error_not_implemented)
    UDPAIR_HRESULT_CLASS(hresult_invalid_argument, impl::error_invalid_argument)
    UDPAIR_HRESULT_CLASS(hresult_out_of_bounds, impl::error_out_of_bounds)
    UDPAIR_HRESULT_CLASS(hresult_no_interface, impl::error_no_interface)
    UDPAIR_HRESULT_CLASS(hresult_class_not_available, impl::error_class_not_available)
    UDPAIR_HRESULT_CLASS(hresult_class_not_registered, impl::error_class_not_registered)
    UDPAIR_HRESULT_CLASS(hresult_changed_state, impl::error_changed_state)
    UDPAIR_HRESULT_CLASS(hresult_illegal_method_call, impl::error_illegal_method_call)
    UDPAIR_HRESULT_CLASS(hresult_illegal_state_change, impl::error_illegal_state_change)
    UDPAIR_HRESULT_CLASS(hresult_illegal_delegate_assignment, impl::error_illegal_delegate_assignment)
    // Its code is that of the library, ERROR_OPERATION_ABORTED, when an operation was cancelled.
    UDPAIR_HRESULT_CLASS(hresult_canceled, impl::error_canceled)
#undef UDPAIR_HRESULT_CLASS

    namespace impl
    {
        // What C++/WinRT throws as std::bad_alloc has its HRESULT here too.
        struct out_of_memory : hresult_error, std::bad_alloc
        {
            explicit out_of_memory(param::hstring const& message)
                : hresult_error(error_bad_alloc, message)
            {
            }
            char const* what() const noexcept override { return "out of memory"; }
        };

        // Throws the class of error that has this code.
        [[noreturn]] inline void throw_error(hresult const code, hstring const& message)
        {
            switch (code)
            {
            case error_bad_alloc:
                throw out_of_memory(message);
            case error_access_denied:
                throw hresult_access_denied(message);
            case error_wrong_thread:
                throw hresult_wrong_thread(message);
            case error_not_implemented:
                throw hresult_not_implemented(message);
            case error_invalid_argument:
                throw hresult_invalid_argument(message);
            case error_out_of_bounds:
                throw hresult_out_of_bounds(message);
            case error_no_interface:
                throw hresult_no_interface(message);
            case error_class_not_available:
                throw hresult_class_not_available(message);
            case error_class_not_registered:
                throw hresult_class_not_registered(message);
            case error_changed_state:
                throw hresult_changed_state(message);
            case error_illegal_method_call:
                throw hresult_illegal_method_call(message);
            case error_illegal_state_change:
                throw hresult_illegal_state_change(message);
            case error_illegal_delegate_assignment:
                throw hresult_illegal_delegate_assignment(message);
            case error_canceled:
                throw hresult_canceled(message);
            default:
                throw hresult_error(code, message);
            }
        }

        inline hstring last_message()
        {
            udpair_string text{};
            udpair_error_message(&text);
            return take(text);
        }

        // Throws the error of a call that has failed.
        inline void check(udpair_hresult const code)
        {
            if (code < 0)
            {
                throw_error(code, last_message());
            }
        }

        // Returns text as UTF-8.
        inline std::string utf8(std::wstring_view text)
        {
            std::string result;
            if (!append_wide(result, text))
            {
                throw hresult_error(error_no_unicode, L"the text has a surrogate that is not paired");
            }
            return result;
        }

        // Returns a name as UTF-8.
        inline std::string name(std::wstring_view text)
        {
            std::string result;
            if (!append_wide(result, text))
            {
                throw hresult_invalid_argument(L"the name has a surrogate that is not paired");
            }
            return result;
        }
    }

    inline std::wstring_view hstring::view_of(wchar_t const* text)
    {
        if (!text)
        {
            throw hresult_invalid_argument();
        }
        return text;
    }

    [[noreturn]] inline void throw_hresult(hresult const code) { impl::throw_error(code, {}); }

    inline hresult check_hresult(hresult const code)
    {
        if (code < 0)
        {
            throw_hresult(code);
        }
        return code;
    }

    namespace impl
    {
        // Returns the exception that is being handled as an error.
        inline hresult_error caught()
        {
            try
            {
                throw;
            }
            catch (hresult_error const& error)
            {
                return error;
            }
            catch (std::bad_alloc const&)
            {
                return out_of_memory(L"");
            }
            catch (std::out_of_range const& error)
            {
                return hresult_out_of_bounds(to_hstring(error.what()));
            }
            catch (std::invalid_argument const& error)
            {
                return hresult_invalid_argument(to_hstring(error.what()));
            }
            catch (std::exception const& error)
            {
                return hresult_error(error_fail, to_hstring(error.what()));
            }
            catch (...)
            {
                return hresult_error(error_fail, L"an exception of an unknown type");
            }
        }
    }

    // To be called in a catch block: returns the code of the exception.
    inline hresult to_hresult() noexcept { return impl::caught().code(); }

    // To be called in a catch block: returns the text of the exception.
    inline hstring to_message() { return impl::caught().message(); }

    [[noreturn]] inline void terminate() noexcept { std::terminate(); }
}

// What an exception goes to that leaves a handler. If it is not set, its text goes to the standard
// error output. `where` names the event.
inline void (*winrt_unhandled_exception_handler)(
    char const* where, winrt::hresult_error const& error) noexcept
    = nullptr;

namespace winrt::impl
{
    // Calls a handler of the application; an exception of it ends there, and is told.
    template <typename F>
    void contained(char const* where, F&& handler) noexcept
    {
        try
        {
            handler();
        }
        catch (...)
        {
            auto const error = caught();
            if (winrt_unhandled_exception_handler)
            {
                winrt_unhandled_exception_handler(where, error);
                return;
            }
            std::fprintf(stderr, "an exception has left a handler of %s: %s (0x%08x)\n", where,
                to_string(error.message()).c_str(), static_cast<unsigned>(error.code().value));
        }
    }
}

// References to objects of the library, as every class has one.
#pragma once

#include "errors.h"

#include <functional>

namespace winrt
{
    struct take_ownership_from_abi_t
    {
        explicit take_ownership_from_abi_t() = default;
    };
    inline constexpr take_ownership_from_abi_t take_ownership_from_abi{};

    namespace impl
    {
        // A counted reference to an object, or null. Two are equal if they are the same object.
        template <typename T>
        struct reference
        {
            using abi_type = T;

            constexpr reference(std::nullptr_t) noexcept {}
            constexpr reference(T* object, take_ownership_from_abi_t) noexcept : m_object(object) {}
            reference(reference const& other) noexcept : m_object(other.m_object)
            {
                udpair_retain(m_object);
            }
            reference(reference&& other) noexcept : m_object(std::exchange(other.m_object, nullptr))
            {
            }
            reference& operator=(reference other) noexcept
            {
                std::swap(m_object, other.m_object);
                return *this;
            }
            ~reference() noexcept { udpair_release(m_object); }

            explicit operator bool() const noexcept { return m_object != nullptr; }

            // Returns the same object as another of its types: an interface, or the class.
            template <typename To>
            To as() const noexcept
            {
                static_assert(std::is_same_v<typename To::abi_type, T>);
                udpair_retain(m_object);
                return To(m_object, take_ownership_from_abi);
            }
            template <typename To>
            To try_as() const noexcept
            {
                return as<To>();
            }

            friend bool operator==(reference const& left, reference const& right) noexcept
            {
                return udpair_is_same(left.m_object, right.m_object);
            }
            friend bool operator==(reference const& left, std::nullptr_t) noexcept
            {
                return !left.m_object;
            }

            T* abi() const noexcept { return m_object; }

            // Gives the reference up without releasing it.
            T* detach() noexcept { return std::exchange(m_object, nullptr); }

        protected:
            constexpr reference() noexcept = default;

            // Returns the place for a new object.
            T** put() noexcept
            {
                udpair_release(std::exchange(m_object, nullptr));
                return &m_object;
            }

        private:
            T* m_object{};
        };

        // Makes an object of a reference that a function has given.
        template <typename Class>
        Class adopt(typename Class::abi_type* object) noexcept
        {
            return Class(object, take_ownership_from_abi);
        }

        // Calls a function that writes a new object, and returns that.
        template <typename Class, typename F>
        Class made(F&& function)
        {
            typename Class::abi_type* object{};
            check(function(&object));
            return adopt<Class>(object);
        }

        // An object that is the library's: it is neither retained nor released.
        template <typename Class>
        struct borrowed
        {
            explicit borrowed(typename Class::abi_type const* object) noexcept
                : m_value(const_cast<typename Class::abi_type*>(object), take_ownership_from_abi)
            {
            }
            borrowed(borrowed const&) = delete;
            borrowed& operator=(borrowed const&) = delete;
            ~borrowed() { m_value.detach(); }

            Class const& get() const noexcept { return m_value; }

        private:
            Class m_value;
        };

        // A context of a callback on the heap, and the functions that the library calls it by.
        template <typename T>
        void destroy(void* context) noexcept
        {
            delete static_cast<T*>(context);
        }

        // Returns the text that a function writes.
        template <typename F>
        hstring text(F&& function)
        {
            udpair_string text{};
            check(function(&text));
            return take(text);
        }
    }

    template <typename T>
    T* get_abi(impl::reference<T> const& object) noexcept
    {
        return object.abi();
    }

    enum class apartment_type : int32_t
    {
        multi_threaded,
        single_threaded,
    };

    // Apartments are not needed: every thread may use every object.
    inline void init_apartment(apartment_type = apartment_type::multi_threaded) noexcept {}
    inline void uninit_apartment() noexcept {}
}

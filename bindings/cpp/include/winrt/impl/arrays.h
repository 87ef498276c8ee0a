// Views of arrays, and arrays that a function gives.
#pragma once

#include "errors.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

namespace winrt
{
    // Elements of somebody else, in a row.
    template <typename T>
    struct array_view
    {
        using value_type = std::remove_cv_t<T>;
        using size_type = uint32_t;
        using iterator = T*;

        array_view() noexcept = default;
        array_view(T* data, size_type size) noexcept : m_data(data), m_size(size) {}
        array_view(T* first, T* last) noexcept
            : m_data(first), m_size(static_cast<size_type>(last - first))
        {
        }
        template <size_type N>
        array_view(T (&elements)[N]) noexcept : m_data(elements), m_size(N)
        {
        }
        array_view(std::initializer_list<value_type> elements) noexcept
            requires std::is_const_v<T>
            : array_view(std::data(elements), static_cast<size_type>(elements.size()))
        {
        }
        // A vector, an array or a span of such elements.
        template <typename C>
            requires(!std::is_same_v<std::remove_cvref_t<C>, array_view>)
            && std::is_convertible_v<decltype(std::data(std::declval<C&>())), T*>
        array_view(C&& elements) noexcept
            : m_data(std::data(elements)), m_size(static_cast<size_type>(std::size(elements)))
        {
        }

        T* data() const noexcept { return m_data; }
        size_type size() const noexcept { return m_size; }
        bool empty() const noexcept { return m_size == 0; }
        T& operator[](size_type index) const noexcept { return m_data[index]; }
        T& at(size_type index) const
        {
            if (index >= m_size)
            {
                throw std::out_of_range("Invalid array subscript");
            }
            return m_data[index];
        }
        T& front() const noexcept { return m_data[0]; }
        T& back() const noexcept { return m_data[m_size - 1]; }
        iterator begin() const noexcept { return m_data; }
        iterator end() const noexcept { return m_data + m_size; }

    private:
        T* m_data{};
        size_type m_size{};
    };

    // Elements of its own.
    template <typename T>
    struct com_array
    {
        using value_type = T;
        using size_type = uint32_t;

        com_array() noexcept = default;
        explicit com_array(size_type count, T const& value = T()) : m_elements(count, value) {}
        template <typename Iterator>
        com_array(Iterator first, Iterator last) : m_elements(first, last)
        {
        }
        com_array(std::initializer_list<T> elements) : m_elements(elements) {}
        explicit com_array(std::vector<T> elements) noexcept : m_elements(std::move(elements)) {}
        com_array(com_array&&) noexcept = default;
        com_array& operator=(com_array&&) noexcept = default;

        T* data() noexcept { return m_elements.data(); }
        T const* data() const noexcept { return m_elements.data(); }
        size_type size() const noexcept { return static_cast<size_type>(m_elements.size()); }
        bool empty() const noexcept { return m_elements.empty(); }
        T& operator[](size_type index) noexcept { return m_elements[index]; }
        T const& operator[](size_type index) const noexcept { return m_elements[index]; }
        T& at(size_type index) { return m_elements.at(index); }
        T const& at(size_type index) const { return m_elements.at(index); }
        auto begin() noexcept { return m_elements.begin(); }
        auto end() noexcept { return m_elements.end(); }
        auto begin() const noexcept { return m_elements.begin(); }
        auto end() const noexcept { return m_elements.end(); }
        void clear() noexcept { m_elements.clear(); }

    private:
        std::vector<T> m_elements;
    };
}

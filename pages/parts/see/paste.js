// A field that takes a picture from the clipboard and hands it on as a data URL.
export default function ({ parentElement, setStateValue }) {
  const field = parentElement.querySelector(".paste")
  field.tabIndex = 0
  field.setAttribute("role", "button")
  field.setAttribute("aria-label", "Paste a picture: press Ctrl and V")
  field.textContent = "Click here, then paste a picture (Ctrl+V, on a Mac ⌘V)."
  const take = (event) => {
    const item = [...(event.clipboardData?.items ?? [])].find((i) => i.type.startsWith("image/"))
    if (!item) {
      field.textContent = "There is no picture in the clipboard. Copy one, then paste it here."
      return
    }
    event.preventDefault()
    const reader = new FileReader()
    reader.onload = () => setStateValue("picture", reader.result)
    reader.readAsDataURL(item.getAsFile())
  }
  field.onpaste = take
  field.onclick = () => field.focus()
}

/** The console's sign, as in `public/icon.svg`. */
export function BrandIcon() {
  return (
    <svg width={18} height={18} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2f5d8a" />
      <path d="M8 21V11l8 10V11" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round" />
      <path
        d="m18.5 15.5 3.5-4 3.5 4M22 12v9"
        fill="none"
        stroke="#bcd6ee"
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

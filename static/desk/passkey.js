// The page that asks whether it is still you: the browser's passkey goes into the form, which goes on its way.
const button = document.getElementById("confirm_passkey");
if (button && window.PublicKeyCredential) {
  window.allauth.webauthn.forms.authenticateForm({
    ids: { authenticate: "confirm_passkey", credential: "confirm_credential", data: "confirm_passkey_data" },
  });
  button.hidden = false;
}

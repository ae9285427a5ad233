package main

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"time"

	"crypto/ecdsa"
	"crypto/elliptic"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

// issue signs a request with an authority made for it. It fails unless crypto/x509 finds the request's signature right.
func issue(csr string) (string, error) {
	block, _ := pem.Decode([]byte(csr))
	if block == nil {
		return "", errors.New("the request is no PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return "", err
	}
	if err := request.CheckSignature(); err != nil {
		return "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	now := time.Now()
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "interop"}, NotBefore: now, NotAfter: now.Add(time.Hour)}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(4711), Subject: request.Subject, DNSNames: request.DNSNames,
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, authority, request.PublicKey, key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})), nil
}

// certificates takes one certificate through its life.
func certificates(client *kms.Client, found answers) {
	create := kms.CreateCreateCertificateRequest()
	create.Subject = "CN=shop.example.com,OU=web,O=Example,C=DE"
	create.KeySpec = "RSA_2048"
	create.SubjectAlternativeNames = map[string]interface{}{"DNS": []string{"shop.example.com"}}
	created, err := client.CreateCertificate(create)
	found.keep("CreateCertificate", err == nil && created.Csr != "" && created.Arn != "", err)
	if err != nil {
		return
	}
	id := created.CertificateId
	certificate, err := issue(created.Csr)
	found.keep("the request, read by crypto/x509", err == nil, err)
	upload := kms.CreateUploadCertificateRequest()
	upload.CertificateId, upload.Certificate = id, certificate
	_, err = client.UploadCertificate(upload)
	found.keep("UploadCertificate", err == nil, err)
	describe := kms.CreateDescribeCertificateRequest()
	describe.CertificateId = id
	described, err := client.DescribeCertificate(describe)
	found.keep("DescribeCertificate", map[string]any{
		"status": described.Status, "names": described.SubjectAlternativeNames, "issuer": described.Issuer,
		"serial": described.Serial, "exportable": described.ExportablePrivateKey,
	}, err)
	get := kms.CreateGetCertificateRequest()
	get.CertificateId = id
	got, err := client.GetCertificate(get)
	found.keep("GetCertificate", err == nil && got.Certificate == certificate && got.Csr == created.Csr, err)
	certificateKeys(client, found, id)
	revoke := kms.CreateUpdateCertificateStatusRequest()
	revoke.CertificateId, revoke.Status = id, "REVOKED"
	_, err = client.UpdateCertificateStatus(revoke)
	found.keep("UpdateCertificateStatus", err == nil, err)
	sign := kms.CreateCertificatePrivateKeySignRequest()
	sign.CertificateId, sign.Algorithm, sign.Message, sign.MessageType = id, "RSA_PSS_SHA_256", plaintext, "RAW"
	_, err = client.CertificatePrivateKeySign(sign)
	found.keep("CertificatePrivateKeySign when revoked", true, err)
	remove := kms.CreateDeleteCertificateRequest()
	remove.CertificateId = id
	_, err = client.DeleteCertificate(remove)
	found.keep("DeleteCertificate", err == nil, err)
	_, err = client.GetCertificate(get)
	found.keep("GetCertificate when deleted", true, err)
}

func certificateKeys(client *kms.Client, found answers, id string) {
	sign := kms.CreateCertificatePrivateKeySignRequest()
	sign.CertificateId, sign.Algorithm, sign.Message, sign.MessageType = id, "RSA_PKCS1_SHA_256", plaintext, "RAW"
	signed, err := client.CertificatePrivateKeySign(sign)
	found.keep("CertificatePrivateKeySign", err == nil, err)
	verify := kms.CreateCertificatePublicKeyVerifyRequest()
	verify.CertificateId, verify.Algorithm, verify.Message = id, sign.Algorithm, plaintext
	verify.MessageType, verify.SignatureValue = "RAW", signed.SignatureValue
	verified, err := client.CertificatePublicKeyVerify(verify)
	found.keep("CertificatePublicKeyVerify", err == nil && verified.SignatureValid, err)
	verify.Message = base64.StdEncoding.EncodeToString([]byte("another"))
	refuted, err := client.CertificatePublicKeyVerify(verify)
	found.keep("CertificatePublicKeyVerify of another message", err == nil && !refuted.SignatureValid, err)
	encrypt := kms.CreateCertificatePublicKeyEncryptRequest()
	encrypt.CertificateId, encrypt.Algorithm, encrypt.Plaintext = id, "RSAES_OAEP_SHA_256", plaintext
	encrypted, err := client.CertificatePublicKeyEncrypt(encrypt)
	found.keep("CertificatePublicKeyEncrypt", err == nil, err)
	decrypt := kms.CreateCertificatePrivateKeyDecryptRequest()
	decrypt.CertificateId, decrypt.Algorithm, decrypt.CiphertextBlob = id, encrypt.Algorithm, encrypted.CiphertextBlob
	decrypted, err := client.CertificatePrivateKeyDecrypt(decrypt)
	found.keep("CertificatePrivateKeyDecrypt", err == nil && decrypted.Plaintext == plaintext, err)
}
